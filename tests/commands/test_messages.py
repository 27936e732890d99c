"""Messages stand in one line, beside the results."""

from osciprop.commands.messages import say


def test_one_line_on_the_error_stream(capsys):
    say("two  words\n  and more")
    printed = capsys.readouterr()
    assert printed.err == "osciprop: two words and more\n"
    assert printed.out == ""
