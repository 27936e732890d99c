"""Image-classification data as plain NumPy arrays, and reproducible mini-batches over them."""

from osciprop.datasets.batches import Batches as Batches
from osciprop.datasets.cache import Source as Source
from osciprop.datasets.cifar import CIFAR10 as CIFAR10
from osciprop.datasets.cifar import CIFAR100 as CIFAR100
from osciprop.datasets.cifar import cifar10 as cifar10
from osciprop.datasets.cifar import cifar100 as cifar100
from osciprop.datasets.cifar_jpeg import cifar10_jpeg as cifar10_jpeg
from osciprop.datasets.dataset import Dataset as Dataset
from osciprop.datasets.digits import digits as digits
from osciprop.datasets.errors import DatasetError as DatasetError
from osciprop.datasets.imagenet32 import imagenet32 as imagenet32
from osciprop.datasets.inventory import Stored as Stored
from osciprop.datasets.inventory import inventory as inventory
from osciprop.datasets.mnist import FASHION_MNIST as FASHION_MNIST
from osciprop.datasets.mnist import MNIST as MNIST
from osciprop.datasets.mnist import fashion_mnist as fashion_mnist
from osciprop.datasets.mnist import mnist as mnist
from osciprop.datasets.prefetching import prefetched as prefetched
