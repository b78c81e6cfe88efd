"""The command line as its own sources say it: commands, options, settings; and the man page's part of it."""

import re

COMMANDS = "app/cli/commands.c"
OPTION = re.compile(r"--[a-z][a-z0-9-]*")
STRINGS = r'((?:\s*"(?:[^"\\]|\\.)*")+)'
FIELDS = ("name", "args", "summary", "options", "example")
ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def text_of(literals):
    """The text of C string literals side by side."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', literals)
    return re.sub(r"\\(.)", lambda m: ESCAPES[m[1]], "".join(parts))


def commands(source):
    """The rows of the table: a dict each, fields that are missing are empty."""
    table = source[source.index("commands[] = {") : source.index("\n};")]
    rows = []
    for piece in re.split(r"(?=\.name\s*=)", table)[1:]:
        row = dict.fromkeys(FIELDS, "")
        for name, literals in re.findall(r"\.(\w+)\s*=" + STRINGS, piece):
            row[name] = text_of(literals)
        rows.append(row)
    return rows


def options(row):
    """Long options of a command, by how it is called; --help is understood by all."""
    return set(OPTION.findall(row["args"]))


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def option_rows(row):
    """[term, text] of each line of help; a line without a term goes on with the one before."""
    found = []
    for line in row["options"].splitlines():
        m = re.match(r"  (\S.*?)(?:  +)(\S.*)$", line)
        if m:
            found.append([m[1], m[2]])
        else:
            found[-1][1] += " " + line.strip()
    return found


def man_commands(rows):
    """The page's section about commands."""
    out = []
    for row in rows:
        summary = row["summary"][:1].upper() + row["summary"][1:] + "."
        out += [".TP", ".B " + escape(f"{row['name']} {row['args']}".strip()), escape(summary)]
        options_of = option_rows(row)
        if options_of:
            out.append(".RS")
            for term, text in options_of:
                out += [".TP", ".B " + escape(term), escape(text[:1].upper() + text[1:] + ".")]
            out.append(".RE")
    return "\n".join(out) + "\n"


def man_split(page):
    """What is before, in and after the section."""
    before, mark, rest = page.partition(".SH COMMANDS\n")
    section, mark2, after = rest.partition(".SH OPTIONS\n")
    return before + mark, section, mark2 + after
