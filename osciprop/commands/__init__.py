"""The command line of osciprop.

The files, each importing only from those above it:

    messages     what the program tells beside its results
    command      what all commands have in common
    datasets     `osciprop datasets`: which data are at hand
    figure       `osciprop figure`: the published figures, in a checkout
    train        `osciprop train`: one network, one data set, one method
    study_plots  `osciprop study plot` and `osciprop study map`
    study        `osciprop study`: from a file to a table or a picture
    parsing      what may be written on the command line
    program      from words on the command line to an exit status
"""

from .program import main as main
