"""Data as plain NumPy arrays, and reproducible mini-batches over them.

The files, each importing only from those above it:

    errors         the one exception that data files and downloads raise
    arrays         what users hold as numbers, as arrays of NumPy
    checks         whether inputs and labels are usable
    shuffling      random orders that stay the same across versions of NumPy
    dataset        a data set: arrays in memory, or memory-mapped files
    batches        shuffled mini-batches whose order is a function of seed and epoch
    samples        arrays or anybody's batches as what one trains on and tests on
    prefetching    the next items are made in a thread while the current one is used
    folders        where a user keeps data, and where osciprop keeps its own
    opening        regular files are opened, and whatever goes wrong is told with a remedy
    limits         how much is unpacked
    cache          downloads into the cache folder, verified and without leftovers
    idx            the format in which MNIST is handed out
    npz            archives of arrays, none of which is larger than it should be
    files          files like those of MNIST: `.npz`, or the four original IDX files
    pickles        pickled arrays from files that nobody vouches for
    pixel_batches  batch files of 32x32 colour images
    scikit_learn   the handwritten digits that ship with scikit-learn
    mnist_family   MNIST and Fashion-MNIST
    cifar          CIFAR-10 and CIFAR-100
    cifar_jpeg     CIFAR-10 from a copy that was compressed as JPEG
    imagenet       ImageNet at 32x32 pixels
    stored         which data sets are at hand, found without a download
"""

from .batches import Batches as Batches
from .cache import Source as Source
from .cifar import CIFAR10 as CIFAR10
from .cifar import CIFAR100 as CIFAR100
from .cifar import cifar10 as cifar10
from .cifar import cifar100 as cifar100
from .cifar_jpeg import cifar10_jpeg as cifar10_jpeg
from .dataset import Dataset as Dataset
from .errors import DatasetError as DatasetError
from .imagenet import imagenet32 as imagenet32
from .mnist_family import FASHION_MNIST as FASHION_MNIST
from .mnist_family import MNIST as MNIST
from .mnist_family import fashion_mnist as fashion_mnist
from .mnist_family import mnist as mnist
from .prefetching import prefetched as prefetched
from .samples import Stream as Stream
from .scikit_learn import digits as digits
from .stored import Stored as Stored
from .stored import inventory as inventory
