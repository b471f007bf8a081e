#!/usr/bin/python3
"""Takes one line of synchronisation out of the core at a time: does the checker notice?

SPDX-License-Identifier: MIT

usage: tools/mutate.py [--list] [--only REGEX] [--resume] [--jobs N] [--build DIR]      (make mutate)

From the syntax tree (libclang) of src/, without formats and locks, per architecture:
  fence    oct_fence() removed
  order    acquire, release and acquire-release become relaxed; SC becomes what the operation has below
  mmu      oct_mmu_publish() or an invalidation removed
  keep     oct_mmu_load_root() keeps the translations of its number
  scope    an invalidation stays local
  depth    an invalidation leaves walk caches alone
  call     a call that completes, joins, closes or waits for a flush removed
  await    a waiting loop goes on without waiting
  lock     a lock and its unlock in one function removed: the section is empty (interrupts off is no lock:
           the model's CPUs do not migrate)
  recheck  an `if` on an entry, a stamp or a generation read under a lock decides without looking: what
           leaves the section does not, what changes something does, what only flushes or waits does not
Each mutant is compiled in a private copy of the tree and explored by the scenarios that hold today and run
the function that it is in, until one reports it. Which ones do is recorded once: in a copy where each
function says that it was entered. Those that killed a neighbour, or this mutant last time, go first; an
architecture whose library comes out the same is left out. Verdicts are kept in DIR/verdicts.json, by a digest of
mutant and tree; --resume takes those that are there instead of asking again.
killed: an invariant, a race, a deadlock, ... was reported; crash and time-out are counted against the
score; what does not compile is not counted. Survivors stand in tools/mutate-survivors.txt with their
reason, by file, function, kind and ordinal, which do not change when lines move.

The score is that of all folders together; each is printed too.
Exit status: 0; 1 less than nine of ten killed, or a survivor that is not listed; 2 it could not run.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

try:
    import clang.cindex as ci
except ImportError:
    sys.exit('mutate: python3-clang is missing (tools/deps.sh mutate)')

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(ROOT, 'tools', 'mutate-survivors.txt')
FOLDERS = tuple(sorted('src/%s/' % name for name in os.listdir(os.path.join(ROOT, 'src'))
                       if name not in ('arch', 'lock')))
with open(os.path.join(ROOT, 'Makefile'), encoding='utf-8') as makefile:
    ARCHS = {arch: '-DOCT_ARCH_' + arch.upper()
             for arch in re.search(r'^ARCHS\s*:=\s*(.*)$', makefile.read(), re.M).group(1).split()}
MODEL = ['-std=gnu11', '-DOCT_MODEL', '-DOCT_MMU_MACHINE', '-DOCT_PORT_HEADER="octavo_model_port.h"',
         '-Iinclude', '-Imachine/model']
MAKE = ['make', '-s', '--no-print-directory', 'BUILD=build', 'CFLAGS=-Wno-error']
SCENARIOS = re.compile(r'^(core|races|questions|checks|contpte|dirty)/')
EXPECTED = ('holds', 'forbidden')
LARGEST = 12000   # executions, blocked ones too: a scenario that takes more (seconds) is left out
TIME_LIMIT = 10   # seconds per exploration of a mutant
TIME_LOST = 60    # seconds of explorations of one mutant on one architecture that were given up; no more is tried
SCORE = 0.9

WEAKER = {('load', 'ACQ'): 'RLX', ('load', 'SC'): 'ACQ', ('store', 'REL'): 'RLX', ('store', 'SC'): 'REL',
          ('rmw', 'ACQ'): 'RLX', ('rmw', 'REL'): 'RLX', ('rmw', 'ACQ_REL'): 'RLX', ('rmw', 'SC'): 'ACQ_REL',
          ('fence', 'SC'): 'ACQ_REL'}
OPERATIONS = {'oct_load': 'load', 'oct_store': 'store', 'oct_fence': 'fence', 'oct_xchg': 'rmw', 'oct_cas': 'rmw',
              'oct_fetch_add': 'rmw', 'oct_fetch_sub': 'rmw', 'oct_fetch_and': 'rmw', 'oct_fetch_or': 'rmw'}
ORDERS = {'OCT_ACQ', 'OCT_REL', 'OCT_ACQ_REL', 'OCT_SC'}
MMU = {'oct_mmu_publish', 'oct_mmu_invalidate_begin', 'oct_mmu_invalidate_range', 'oct_mmu_invalidate_asid',
       'oct_mmu_invalidate_all', 'oct_mmu_invalidate_end'}
CALLS = {'oct_tlb_rely', 'oct_tlb_complete', 'oct_tlb_complete_all', 'oct_tlb_forget_local', 'oct_ticket_join',
         'oct_ticket_flush', 'oct_ticket_complete', 'oct_ticket_close', 'complete_drawn', 'catch_up',
         'oct_grace_wait', 'await_grace', 'oct_port_ipi', 'oct_space_leave'}
LOCKS = {'oct_spin_lock': 'spin', 'oct_rwlock_read_lock': 'read', 'oct_rwlock_write_lock': 'write',
         'oct_pte_lock_at': 'guard', 'oct_slot_lock': 'guard'}
UNLOCKS = {'oct_spin_unlock': 'spin', 'oct_rwlock_read_unlock': 'read', 'oct_rwlock_write_unlock': 'write',
           'oct_pte_guard_unlock': 'guard'}
# What an `if` must look at to be a re-check.
LOOKS = {'generation', 'completed', 'seen', 'behind'}
LOOKS_MEMBER = {'stamp', 'generation', 'completed', 'seen', 'newest'}
READS = {'oct_pte_get'}
LOOKS_CALL = READS | {'oct_pte_none', 'oct_pte_present', 'oct_pte_is_table', 'oct_pte_write', 'oct_pte_uffd_wp',
                      'oct_entry_judge', 'oct_folio_exclusive', 'table_empty'}

Edit = collections.namedtuple('Edit', 'file start end text')
Mutant = collections.namedtuple('Mutant', 'file function kind edits archs line what')
K = ci.CursorKind


# ---- The syntax tree ---------------------------------------------------------------------------------
def call_name(node):
    return node.spelling if node.kind == K.CALL_EXPR else ''


def walk(node):
    yield node
    for child in node.get_children():
        yield from walk(child)


class Function:
    """A function's definition: its calls, ifs and macros, in the order of the source."""

    def __init__(self, node, text, file):
        self.node, self.text, self.file, self.name = node, text, file, node.spelling
        self.start, self.end = node.extent.start.offset, node.extent.end.offset
        self.calls, self.ifs, self.macros = [], [], []
        self.static = node.storage_class == ci.StorageClass.STATIC
        self.guarded = any('oct_pte_guard' in p.type.spelling for p in node.get_arguments())
        self._visit(node, [])

    def _visit(self, node, blocks):
        if node.kind == K.CALL_EXPR and node.spelling:
            self.calls.append((node, blocks[-1] if blocks else None))
        if node.kind == K.IF_STMT:
            self.ifs.append(node)
        if node.kind in (K.COMPOUND_STMT, K.IF_STMT, K.FOR_STMT, K.WHILE_STMT, K.DO_STMT):
            blocks = blocks + [node.extent.start.offset]
        for child in node.get_children():
            self._visit(child, blocks)

    def source(self, node):
        return self.text[node.extent.start.offset:node.extent.end.offset]


def read_tree(tree, arch):
    """The functions of the folders as arch compiles them, headers included, each once."""
    index, found, texts = ci.Index.create(), {}, {}
    for folder in FOLDERS:
        for name in sorted(os.listdir(os.path.join(tree, folder))):
            if not name.endswith('.c') or name == 'selftest.c': # a test itself
                continue
            unit = index.parse(folder + name, args=MODEL + [ARCHS[arch]],
                               options=ci.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
            for message in unit.diagnostics:
                if message.severity >= ci.Diagnostic.Error:
                    sys.exit('mutate: %s' % message)
            macros = []
            for node in unit.cursor.get_children():
                where = node.extent.start.file
                file = os.path.normpath(where.name) if where else ''
                if not file.startswith(FOLDERS):
                    continue
                if file not in texts:
                    with open(file, encoding='utf-8') as source:
                        texts[file] = source.read()
                    if not texts[file].isascii():
                        sys.exit('mutate: %s is not ASCII' % file)
                if node.kind == K.MACRO_INSTANTIATION:
                    macros.append((file, node))
                elif node.kind == K.FUNCTION_DECL and node.is_definition():
                    key = (file, node.extent.start.offset)
                    if key not in found:
                        found[key] = Function(node, texts[file], file)
                        found[key].unit = unit
            for file, macro in macros:
                for function in found.values():
                    if (function.file == file and function.unit is unit and
                            function.start <= macro.extent.start.offset < function.end):
                        function.macros.append(macro)
    return sorted(found.values(), key=lambda f: (f.file, f.start))


# ---- Mutants of one function ---------------------------------------------------------------------------
def inside(outer, inner):
    return (outer.extent.start.offset <= inner.extent.start.offset and
            inner.extent.end.offset <= outer.extent.end.offset)


def edit(function, node, text):
    return Edit(function.file, node.extent.start.offset, node.extent.end.offset, text)


def macro_mutants(function):
    for macro in function.macros:
        if macro.spelling == 'oct_fence':
            yield 'fence', [edit(function, macro, '((void)0)')], macro, function.source(macro) + ' removed'
        if macro.spelling == 'oct_await':
            body = re.sub(r'^oct_await\s*', '', function.source(macro))
            yield 'await', [edit(function, macro, '((void)%s)' % body)], macro, 'does not wait'
        if macro.spelling in ORDERS:
            around = [m for m in function.macros if m.spelling in OPERATIONS and inside(m, macro)]
            inner = min(around, key=lambda m: m.extent.end.offset - m.extent.start.offset)
            order = macro.spelling[4:]
            weaker = WEAKER.get((OPERATIONS[inner.spelling], order))
            if weaker:
                yield 'order', [edit(function, macro, 'OCT_' + weaker)], macro, '%s: %s -> %s' % (
                    inner.spelling, order, weaker)


def is_statement(function, node):
    """Nobody uses the value of this call."""
    before = function.text[:node.extent.start.offset].rstrip()
    after = function.text[node.extent.end.offset:].lstrip()
    return after.startswith(';') and (before[-1] in '{};' or before.endswith('else') or before[-1] == ')')


def call_mutants(function):
    for node, _ in function.calls:
        name = node.spelling
        if name in MMU or name in CALLS:
            if function.source(node).startswith(name):
                text = '((void)0)' if is_statement(function, node) else '0'
                yield 'mmu' if name in MMU else 'call', [edit(function, node, text)], node, name + ' removed'
        if name == 'oct_mmu_load_root':
            keep = list(node.get_arguments())[2]
            yield 'keep', [edit(function, keep, 'true')], node, 'keep: %s -> true' % function.source(keep)
    for node in walk(function.node):
        if node.kind == K.DECL_REF_EXPR and node.spelling in ('OCT_BROADCAST', 'OCT_ALL_LEVELS'):
            if function.source(node) == node.spelling:
                kind, weaker = {'OCT_BROADCAST': ('scope', 'OCT_LOCAL'),
                                'OCT_ALL_LEVELS': ('depth', 'OCT_LEAF')}[node.spelling]
                yield kind, [edit(function, node, weaker)], node, '%s -> %s' % (node.spelling, weaker)


def lock_key(function, node):
    arguments = list(node.get_arguments())
    which = arguments[-1] if LOCKS.get(node.spelling, UNLOCKS.get(node.spelling)) == 'guard' else arguments[0]
    return re.sub(r'[\s&()]', '', function.source(which))


def lock_edit(function, node):
    """The lock without effect. A guard is still filled in: its lock is taken and dropped at once."""
    name, arguments = node.spelling, [function.source(a) for a in node.get_arguments()]
    if name in ('oct_pte_lock_at', 'oct_slot_lock'):
        text = '(%s, oct_spin_unlock(&(%s)->ptl->lock))' % (function.source(node), arguments[-1])
    elif name == 'oct_pte_guard_unlock':
        text = '(void)0' if arguments[0] == 'NULL' else \
            '((%s) != NULL ? oct_ticket_close((%s), (%s)) : (void)0)' % (arguments[0], arguments[0], arguments[1])
    else:
        text = '((void)0)'
    return edit(function, node, text)


def lock_mutants(function):
    """Sections whose lock and unlock stand in one block are taken apart; others of one lock go together."""
    groups = collections.OrderedDict()
    for node, block in function.calls:
        if node.spelling in LOCKS or node.spelling in UNLOCKS:
            family = LOCKS.get(node.spelling) or UNLOCKS[node.spelling]
            groups.setdefault((family, lock_key(function, node)), []).append((node, block))
    for calls in groups.values():
        locks = [c for c in calls if c[0].spelling in LOCKS]
        if not locks or len(locks) == len(calls):
            continue # the other half is in another function
        apart = len(calls) == 2 * len(locks) and all(
            calls[i][0].spelling in LOCKS and calls[i + 1][0].spelling in UNLOCKS and
            calls[i][1] == calls[i + 1][1] for i in range(0, len(calls), 2))
        sections = [calls[i:i + 2] for i in range(0, len(calls), 2)] if apart else [calls]
        for section in sections:
            edits = [lock_edit(function, node) for node, _ in section]
            yield 'lock', edits, section[0][0], function.source(section[0][0]) + ' and its unlock'


def condition_and_body(node):
    children = list(node.get_children())
    return children[0], children[1]


def leaves(body):
    """Does the body end the section it is in?"""
    last = body
    while last.kind == K.COMPOUND_STMT:
        children = list(last.get_children())
        if not children:
            return False
        last = children[-1]
    return last.kind in (K.RETURN_STMT, K.CONTINUE_STMT, K.BREAK_STMT, K.GOTO_STMT)


def panics(body):
    return any(call_name(node) == 'oct_port_panic' for node in walk(body)) and not leaves(body)


def only_publishes(body):
    """Without the look it would do too much, which nobody can notice."""
    names = [call_name(node) for node in walk(body) if call_name(node)]
    return bool(names) and all(name in MMU for name in names)


def looks(condition, parameters):
    """At what was read here: a read, a member, or a local variable; not at an argument."""
    for node in walk(condition):
        if node.kind == K.CALL_EXPR and node.spelling in LOOKS_CALL:
            if any(n.spelling not in parameters for n in walk(node)
                   if n.kind == K.DECL_REF_EXPR and n.spelling not in LOOKS_CALL) or node.spelling in READS:
                return True
        if node.kind == K.MEMBER_REF_EXPR and node.spelling in LOOKS_MEMBER:
            return True
        if node.kind == K.BINARY_OPERATOR and all(
                n.spelling == 'level' for n in node.get_children()): # guard.level == level: as it was before
            return True
        if node.kind == K.DECL_REF_EXPR and node.spelling in LOOKS and node.spelling not in parameters:
            return True
    return False


def changes(body):
    """Stores an entry or a word; otherwise it only flushes, copies, waits, or takes locks."""
    for node in walk(body):
        if call_name(node).startswith(('oct_entry_', 'oct_ticket_free')):
            return True
        if node.kind in (K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR) and any(
                t.spelling in ('=', '|=', '&=') for t in node.get_tokens()):
            return True
    return False


def recheck_mutants(function, held_from):
    parameters = {p.spelling for p in function.node.get_arguments() if 'guard' not in p.spelling}
    for node in function.ifs:
        if node.extent.start.offset < held_from or not function.source(node).startswith('if'):
            continue # or it stands in a macro
        condition, body = condition_and_body(node)
        if not looks(condition, parameters) or panics(body) or only_publishes(body):
            continue
        # The condition's text lies between the parentheses: macros in it hide its extent.
        start = function.text.index('(', node.extent.start.offset) + 1
        end = function.text.rindex(')', start, body.extent.start.offset)
        text = ' '.join(function.text[start:end].split())
        otherwise = len(list(node.get_children())) > 2
        value = '1' if not leaves(body) and (otherwise or changes(body)) else '0'
        yield 'recheck', [Edit(function.file, start, end, value)], node, 'if (%s) -> %s' % (text, value)


# ---- Which code runs under a lock ----------------------------------------------------------------------
def held_offsets(functions):
    """Per function, from which offset on a lock is held: by itself, or by all its callers in the file."""
    held = {}
    for function in functions:
        first = [n.extent.start.offset for n, _ in function.calls if n.spelling in LOCKS]
        makes_guard = any(n.spelling == 'oct_slot_lock' for n, _ in function.calls)
        held[function] = function.start if function.guarded and not makes_guard else min(first, default=sys.maxsize)
    changed = True
    while changed:
        changed = False
        for function in functions:
            if not function.static or held[function] == function.start:
                continue
            sites = [held[caller] < node.extent.start.offset for caller in functions
                     if caller.file == function.file for node, _ in caller.calls if node.spelling == function.name]
            if sites and all(sites):
                held[function], changed = function.start, True
    return held


def mutants_of(tree):
    """All mutants, those that several architectures share once, with their ids."""
    os.chdir(tree)
    merged = {}
    for arch in ARCHS:
        functions = read_tree(tree, arch)
        held = held_offsets(functions)
        for function in functions:
            made = list(macro_mutants(function)) + list(call_mutants(function)) + list(lock_mutants(function)) + \
                list(recheck_mutants(function, held[function]))
            for kind, edits, node, what in made:
                key = (function.file, edits[0].start, kind, tuple(edits))
                if key in merged:
                    merged[key].archs.append(arch)
                else:
                    merged[key] = Mutant(function.file, function.name, kind, edits, [arch],
                                         node.extent.start.line, what)
    count, result = collections.Counter(), collections.OrderedDict()
    for key in sorted(merged, key=lambda k: k[:3]):
        mutant = merged[key]
        count[mutant.file, mutant.function, mutant.kind] += 1
        result['%s %s %s %d' % (mutant.file, mutant.function, mutant.kind,
                                count[mutant.file, mutant.function, mutant.kind])] = mutant
    return result


# ---- Trees and runs --------------------------------------------------------------------------------------
def copy_tree(where):
    """Brings a private copy up to date; what did not change keeps its objects. A hash of all of it."""
    found, digest = {}, hashlib.sha256()
    for name in ('Makefile', 'octavo.mk', 'src', 'include', 'machine', 'cli', 'scenario'):
        top = os.path.join(ROOT, name)
        files = [top] if os.path.isfile(top) else [
            os.path.join(at, file) for at, _, files in os.walk(top, followlinks=True) for file in files]
        for path in files:
            with open(path, 'rb') as source:
                found[os.path.relpath(path, ROOT)] = source.read()
    for at, folders, files in os.walk(where):
        if at == where and 'build' in folders:
            folders.remove('build')
        for file in files:
            if os.path.relpath(os.path.join(at, file), where) not in found:
                os.remove(os.path.join(at, file))
    for name, text in sorted(found.items()):
        digest.update(b'%s %d ' % (name.encode(), len(text)) + text)
        path = os.path.join(where, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            with open(path, 'rb') as there:
                if there.read() == text:
                    continue
        with open(path, 'wb') as there:
            there.write(text)
    return digest.hexdigest()


def make(tree, targets, jobs='-j1'):
    environment = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MAKELEVEL', 'MFLAGS')}
    for arch in ARCHS: # the command wants it, the model does not
        targets = ['-o', 'build/lib/%s/sim.so' % arch] + targets
    return subprocess.run(MAKE + [jobs] + targets, cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, env=environment, check=False)


def check(tree, arch, names, seconds, jobs='1'):
    """Results of scenarios, None when the command itself did not end in time."""
    command = ['build/octavo', 'check', '--json', '--jobs', jobs, '--time', str(seconds), '--arch', arch] + names
    # A group of its own: explorers are children of the command.
    with subprocess.Popen(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, start_new_session=True) as run:
        try:
            return json.loads(run.communicate(timeout=60 + (2 * seconds + 10) * len(names))[0])['results']
        except (subprocess.TimeoutExpired, ValueError):
            return None
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)


REACHED = '''/* Which functions of the core does the race enter? */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
bool in_race(void);
void mutate_reached(unsigned function);
static char *reached;
__attribute__((constructor)) static void mutate_open(void)
{
	int file = getenv("MUTATE_REACHED") ? open(getenv("MUTATE_REACHED"), O_RDWR) : -1;

	if (file >= 0)
		reached = mmap(NULL, %d, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}
void mutate_reached(unsigned function)
{
	if (reached && in_race())
		reached[function] = 1;
}
'''


def functions_of(tree):
    """Per function that some architecture has: where its body begins."""
    os.chdir(tree)
    bodies = {}
    for arch in ARCHS:
        for function in read_tree(tree, arch):
            body = [c for c in function.node.get_children() if c.kind == K.COMPOUND_STMT][-1]
            bodies[function.file, body.extent.start.offset + 1] = function.name
    return bodies


def instrument(tree):
    """Lets each function say that it was entered. The names by number, and what the files were."""
    originals, names = {}, []
    for (file, start), name in sorted(functions_of(tree).items(), reverse=True):
        path = os.path.join(tree, file)
        if path not in originals:
            with open(path, encoding='utf-8') as source:
                originals[path] = text = source.read()
        text = '%s extern void mutate_reached(unsigned); mutate_reached(%d);%s' % (
            text[:start], len(names), text[start:])
        names.append((file, name))
        with open(path, 'w', encoding='utf-8') as source:
            source.write(text)
    path = os.path.join(tree, 'machine/model/glue/mutate.c')
    with open(path, 'w', encoding='utf-8') as source:
        source.write(REACHED % len(names))
    return names, originals, path


def baseline(tree):
    """Per architecture the scenarios that hold today, with their executions and the functions that they enter."""
    names, originals, extra = instrument(tree)
    run = make(tree, ['build/octavo'], '-j2')
    scenarios = {arch: {} for arch in ARCHS}
    if run.returncode:
        sys.exit('mutate: %s' % run.stderr)
    listed = json.loads(subprocess.run(['build/octavo', 'check', '--list', '--json'], cwd=tree, text=True, check=True,
                                       stdout=subprocess.PIPE).stdout)['scenarios']
    for one in listed:
        if one['expected'] not in EXPECTED or not SCENARIOS.search(one['name']):
            continue
        with tempfile.NamedTemporaryFile() as reached:
            reached.write(bytes(len(names)))
            reached.flush()
            os.environ['MUTATE_REACHED'] = reached.name
            result = check(tree, one['arch'], [one['name']], TIME_LIMIT)[0]
            reached.seek(0)
            entered = {names[i] for i, byte in enumerate(reached.read()) if byte}
        size = result['executions'] + result['blocked']
        if result['verdict'] == one['expected'] and size <= LARGEST:
            scenarios[one['arch']][one['name']] = (size, entered)
    del os.environ['MUTATE_REACHED']
    for path, text in originals.items():
        with open(path, 'w', encoding='utf-8') as source:
            source.write(text)
    os.remove(extra)
    return scenarios


def baseline_of(tree, digest):
    """The same; it is kept with the copy as long as nothing changes."""
    path = os.path.join(os.path.dirname(tree), 'baseline.json')
    if os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            kept = json.load(file)
        if kept['of'] == digest:
            return {arch: {name: (size, {tuple(f) for f in entered}) for name, (size, entered) in found.items()}
                    for arch, found in kept['scenarios'].items()}
    scenarios = baseline(tree)
    with open(path, 'w', encoding='utf-8') as file:
        json.dump({'of': digest, 'scenarios': {
            arch: {name: (size, sorted(entered)) for name, (size, entered) in found.items()}
            for arch, found in scenarios.items()}}, file)
    return scenarios


class Killers:
    """Who killed what: remembered over runs for each mutant, in this run for its neighbours."""

    def __init__(self, path):
        self.path, self.by_function, self.by_file = path, collections.Counter(), collections.Counter()
        self.last = {}
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                self.last = json.load(file)

    def killed(self, name, mutant, scenario, arch):
        self.last[name] = [scenario, arch]
        self.by_function[mutant.file, mutant.function, scenario] += 1
        self.by_file[mutant.file, scenario] += 1

    def archs(self, name, mutant):
        first = self.last.get(name, ['', ''])[1]
        return sorted(mutant.archs, key=lambda arch: arch != first)

    def order(self, name, mutant, scenarios):
        """Those of scenarios that run the mutated function, the likely ones first."""
        first = self.last.get(name, ['', ''])[0]
        found = [s for s, (_, entered) in scenarios.items() if (mutant.file, mutant.function) in entered]
        return sorted(found, key=lambda s: (s != first, -self.by_function[mutant.file, mutant.function, s],
                                            scenarios[s][0] > 1000, -self.by_file[mutant.file, s], scenarios[s][0]))

    def save(self):
        with open(self.path, 'w', encoding='utf-8') as file:
            json.dump(self.last, file, indent=1, sort_keys=True)


class Verdict:
    """What became of a mutant: the strongest answer so far."""

    RANK = {'not compiled': 0, 'survived': 1, 'time-out': 2, 'crash': 3, 'killed': 4}

    def __init__(self):
        self.kind, self.detail = 'survived', ''

    def take(self, kind, detail):
        if self.RANK[kind] > self.RANK[self.kind]:
            self.kind, self.detail = kind, detail
        elif kind == self.kind == 'survived' and not self.detail:
            self.detail = detail


def explore(tree, arch, names, verdict):
    """Asks the scenarios in turn, ever more at a time; the one that kills, or None."""
    lost, several = 0, 1
    while names and lost < TIME_LOST:
        results = check(tree, arch, names[:several], TIME_LIMIT)
        if results is None:
            verdict.take('time-out', '%s: no answer' % arch)
            lost += TIME_LOST / 2
            if several > 1: # one of them: the others have not been heard
                several = 1
                continue
        names, several = names[several:], min(2 * several, 16)
        for result in results or []:
            where = '%s %s' % (result['name'], arch)
            if result['verdict'] in ('violation', 'allowed'):
                verdict.take('killed', '%s in %s' % (result['invariant'] or 'the outcome', where))
                return result['name']
            if result['verdict'] == 'error':
                verdict.take('crash', '%s: %s' % (where, result['text']))
                lost += result.get('seconds', 0)
            elif result['verdict'] == 'bounded':
                verdict.take('time-out', where)
                lost += result['seconds']
            elif result['verdict'] == 'vacuous':
                verdict.take('survived', 'vacuous: ' + where)
    return None


def apply(text, edits):
    for one in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[:one.start] + one.text + text[one.end:]
    return text


def library_hash(tree, arch):
    with open(os.path.join(tree, 'build/lib', arch, 'scenarios.so'), 'rb') as library:
        return hashlib.sha256(library.read()).digest()


def try_mutant(tree, name, mutant, scenarios, killers, unchanged):
    """unchanged: hashes of the libraries without a mutant, by architecture."""
    path, verdict = os.path.join(tree, mutant.file), Verdict()
    with open(path, encoding='utf-8') as source:
        original = source.read()
    text = apply(original, mutant.edits)
    if mutant.kind == 'lock' and not mutant.file.startswith('src/tlb/'):
        text = '#include "../tlb/authority.h"\n' + text
    try:
        with open(path, 'w', encoding='utf-8') as source:
            source.write(text)
        for arch in killers.archs(name, mutant):
            names = killers.order(name, mutant, scenarios[arch])
            if not names:
                verdict.take('survived', 'no scenario runs the function')
                continue
            run = make(tree, ['build/lib/%s/scenarios.so' % arch])
            if run.returncode:
                verdict.kind = 'not compiled'
                verdict.detail = next((line for line in run.stderr.splitlines() if 'error' in line), 'make failed')
                return verdict
            if library_hash(tree, arch) == unchanged[arch]:
                continue # what changed is not compiled, or means the same
            killer = explore(tree, arch, names, verdict)
            if killer:
                killers.killed(name, mutant, killer, arch)
                break
    finally:
        with open(path, 'w', encoding='utf-8') as source:
            source.write(original)
    return verdict


class Kept:
    """Verdicts of earlier runs, by a digest of mutant and tree: other code or other scenarios, another verdict."""

    def __init__(self, path, tree):
        self.path, self.tree, self.of = path, tree, {}
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                self.of = json.load(file)

    def digest(self, mutant):
        return hashlib.sha256(repr((self.tree, mutant.file, mutant.edits, mutant.archs)).encode()).hexdigest()

    def get(self, name, mutant):
        kept = self.of.get(name)
        if not kept or kept[0] != self.digest(mutant):
            return None
        verdict = Verdict()
        verdict.kind, verdict.detail = kept[1:]
        return verdict

    def put(self, name, mutant, verdict):
        self.of[name] = [self.digest(mutant), verdict.kind, verdict.detail]
        with open(self.path + '.new', 'w', encoding='utf-8') as file:
            json.dump(self.of, file, indent=1, sort_keys=True)
        os.replace(self.path + '.new', self.path)


def run_all(mutants, trees, scenarios, killers, kept, resume):
    """Tries each mutant in a free tree; a row each, in order."""
    free, verdicts = queue.Queue(), {}
    width = max((len(name) for name in mutants), default=0)
    unchanged = {arch: library_hash(trees[0], arch) for arch in ARCHS}
    for tree in trees:
        free.put(tree)

    def one(name):
        verdict = kept.get(name, mutants[name]) if resume else None
        if verdict:
            return name, verdict
        tree = free.get()
        try:
            verdict = try_mutant(tree, name, mutants[name], scenarios, killers, unchanged)
        finally:
            free.put(tree)
        with keeping:
            kept.put(name, mutants[name], verdict)
            killers.save()
        return name, verdict

    keeping = threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        for name, verdict in pool.map(one, mutants):
            verdicts[name] = verdict
            print('%-*s  %4d  %-12s  %s  [%s]' % (width, name, mutants[name].line, verdict.kind, verdict.detail,
                                                  mutants[name].what), flush=True)
    return verdicts


# ---- The answer ------------------------------------------------------------------------------------------
def known_survivors():
    known = {}
    if os.path.exists(LIST):
        with open(LIST, encoding='utf-8') as lines:
            for line in lines:
                fields = line.split(None, 4)
                if fields and not line.startswith('#'):
                    known[' '.join(fields[:4])] = fields[4].strip() if len(fields) > 4 else ''
    return known


def score(name, verdicts):
    """Prints what became of the mutants of a folder, or of several; the part that was killed."""
    count = collections.Counter(verdict.kind for verdict in verdicts)
    counted = len(verdicts) - count['not compiled']
    print('mutate: %s: %d of %d killed (%.1f %%); %d survived, %d crashed, %d timed out; %d did not compile' % (
        name, count['killed'], counted, 100.0 * count['killed'] / max(counted, 1), count['survived'], count['crash'],
        count['time-out'], count['not compiled']))
    return count['killed'] / max(counted, 1)


def judge(mutants, verdicts, everything):
    """Prints score and survivors; the exit status."""
    known, status = known_survivors(), 0
    for name, verdict in verdicts.items():
        if verdict.kind in ('killed', 'not compiled'):
            if name in known:
                print('mutate: listed as a survivor, but %s: %s' % (verdict.kind, name))
        elif not known.get(name):
            print('mutate: %s and not explained in tools/mutate-survivors.txt: %s' % (verdict.kind, name))
            status = 1
    if everything:
        for name in known:
            if name not in mutants:
                print('mutate: listed as a survivor, but there is no such mutant: %s' % name)
    for folder in FOLDERS:
        of_folder = [verdict for name, verdict in verdicts.items() if name.startswith(folder)]
        if of_folder:
            score(folder, of_folder)
    total = score('score', list(verdicts.values()))
    if everything and total < SCORE:
        print('mutate: less than nine of ten')
        status = 1
    return status


def main():
    parser = argparse.ArgumentParser(description='Take synchronisation out of the core, one line at a time.')
    parser.add_argument('--list', action='store_true', help='print the mutants, try none')
    parser.add_argument('--only', metavar='REGEX', help='mutants whose id matches')
    parser.add_argument('--resume', action='store_true', help='take verdicts that are known for this very tree')
    parser.add_argument('--jobs', type=int, default=2, help='mutants at a time (default 2)')
    parser.add_argument('--build', default='build/mutate', help='where the copies of the tree go')
    arguments = parser.parse_args()
    build, start = os.path.join(ROOT, arguments.build), time.time()
    trees = [os.path.join(build, 'tree%d' % n) for n in range(max(arguments.jobs, 1))]

    digest = None if arguments.list else copy_tree(trees[0])
    mutants = mutants_of(ROOT if arguments.list else trees[0])
    everything = arguments.only is None
    if not everything:
        mutants = collections.OrderedDict((n, m) for n, m in mutants.items() if re.search(arguments.only, n))
    if arguments.list:
        for name, mutant in mutants.items():
            print('%s  line %d  %s  %s' % (name, mutant.line, '+'.join(mutant.archs), mutant.what))
        print('%d mutants' % len(mutants))
        return 0
    scenarios = baseline_of(trees[0], digest)
    run = make(trees[0], ['build/octavo'], '-j%d' % len(trees))
    if run.returncode:
        sys.stderr.write(run.stderr)
        return 2
    for tree in trees[1:]: # the same times, so that nothing is built again
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(trees[0], tree, symlinks=True)
    killers = Killers(os.path.join(build, 'killers.json'))
    kept = Kept(os.path.join(build, 'verdicts.json'), digest)
    verdicts = run_all(mutants, trees, scenarios, killers, kept, arguments.resume)
    status = judge(mutants, verdicts, everything)
    print('mutate: scenarios: %s; %d s' % (
        ', '.join('%d on %s' % (len(scenarios[arch]), arch) for arch in ARCHS), time.time() - start))
    return status


if __name__ == '__main__':
    sys.exit(main())
