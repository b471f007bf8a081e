#!/usr/bin/python3
# Does every public function say what it promises? SPDX-License-Identifier: MIT
#
# usage: tools/contracts.py [HEADER...]     (default: include/octavo/*.h)
#
# A function declared in a header of include/octavo has a comment right before it; declarations that follow one
# another without an empty line share one. The comment tells, or the header's first comment tells for all of
# its functions ("unless a function says otherwise"):
#
#   parameters   each by name; not the subject, a pointer to a structure that the parameter is named after
#   returns      of a function that returns something: what; of an int or enum also its errors or values
#   context      whether it may sleep, or that it is pure or any context is right; what of interrupts
#   locks        which are held or taken; of functions that are given a structure
#   TLB          what of the TLB (complete, ticket, flush, TLB); of functions that are given a space, a
#                ticket or a guard
#
# Static inline functions are short enough to be read: they need a comment alone, their own or a section's.
# Prints "not ok: HEADER:LINE: FUNCTION: what is missing" for each lack, and a count.
import glob
import os
import re
import sys

import clang.cindex as cindex

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

# Interfaces with rules of their own: macros, names of Linux, what scenarios call, format functions.
LEFT_OUT = {'check.h', 'linux.h', 'atomic.h', 'config.h', 'octavo.h'}
FLAGS = ['-std=gnu11', '-Iinclude', '-DOCT_ARCH_ARM64', '-DOCT_MMU_MACHINE', '-fparse-all-comments']

CONTEXT = re.compile(r'\bsleep|\bpure\b|any context|spins?\b', re.I)
INTERRUPTS = re.compile(r'\binterrupt|\bpure\b|any context|any lock|nobody else|preemption', re.I)
LOCKS = re.compile(r'\block|\bpure\b|any context|nobody else|\bguard', re.I)
TLB = re.compile(r'\bTLB|\bcomplete|\bticket|\bflush|\binvalidat|revoke|translation|does not sleep|no CPU runs', re.I)
RETURNS = re.compile(r'\b[Rr]eturn|\b0\b|true|false|NULL|OCT_|^/\*\s*(The|How|What|Which|Whether|Is|A|An|Bytes|First|Slots|This|Where)\b')
ABOUT_TLB = {'oct_mm', 'oct_space', 'oct_ticket', 'oct_pte_guard'}


def plain(comment):
    return re.sub(r'\s*\n\s*\*?\s*', ' ', comment or '')


def words_of(name):
    """struct oct_pte_guard *guard: subject by its own name."""
    return set(name.replace('oct_', '').split('_'))


def is_subject(parameter):
    kind = parameter.type.get_canonical()
    while kind.kind in (cindex.TypeKind.POINTER, cindex.TypeKind.CONSTANTARRAY):
        kind = kind.get_pointee().get_canonical()
    spelled = kind.spelling.replace('const ', '')
    return spelled.startswith('struct oct_') and parameter.spelling in words_of(spelled[7:])


def structures(function):
    found = set()
    for parameter in function.get_arguments():
        match = re.search(r'struct (oct_\w+)', parameter.type.get_canonical().spelling)
        if match:
            found.add(match.group(1))
    return found


def lacks(function, comment, general):
    whole = comment + ' ' + general
    for parameter in function.get_arguments():
        if not parameter.spelling:
            yield 'a parameter without a name'
        elif not is_subject(parameter) and not re.search(r'\b%s\b' % re.escape(parameter.spelling), whole):
            yield "parameter '%s'" % parameter.spelling
    result = function.result_type.get_canonical()
    if result.kind != cindex.TypeKind.VOID and not RETURNS.search(comment):
        yield 'what it returns'
    if not CONTEXT.search(whole):
        yield 'whether it may sleep'
    if not INTERRUPTS.search(whole):
        yield 'what of interrupts'
    if structures(function) and not LOCKS.search(whole):
        yield 'locks'
    if structures(function) & ABOUT_TLB and not TLB.search(whole):
        yield 'what of the TLB'


def check(path):
    """(functions, lacks) of one header."""
    unit = cindex.Index.create().parse(path, args=FLAGS + ['-x', 'c'])
    text = open(path).read()
    lines = text.split('\n')
    general = plain(text[:text.index('*/')])
    count, found, last_comment, last_end = 0, [], '', -1
    todo = [c for c in unit.cursor.get_children()
            if c.location.file and c.location.file.name == path and c.kind == cindex.CursorKind.FUNCTION_DECL]
    for function in todo:
        start, end = function.extent.start.line, function.extent.end.line
        comment = plain(function.raw_comment)
        if not comment and last_end >= 0 and not any(not line.strip() for line in lines[last_end:start - 1]):
            comment = last_comment
        last_comment, last_end = comment, end
        count += 1
        if function.storage_class == cindex.StorageClass.STATIC:
            continue
        if not comment:
            found.append((start, function.spelling, 'a comment'))
            continue
        for lack in lacks(function, comment, general):
            found.append((start, function.spelling, lack))
    return count, [(path,) + f for f in found]


def main():
    headers = sys.argv[1:] or sorted(glob.glob('include/octavo/*.h'))
    functions, missing = 0, []
    for path in headers:
        if os.path.basename(path) in LEFT_OUT:
            continue
        count, found = check(path)
        functions += count
        missing += found
    for path, line, name, what in missing:
        print('not ok: %s:%d: %s: the contract lacks %s' % (path, line, name, what))
    if functions == 0:
        sys.exit('contracts: found no function')
    if not missing:
        print('ok: %d functions of %d headers tell their contracts' % (functions, len(headers)))
    sys.exit(1 if missing else 0)


main()
