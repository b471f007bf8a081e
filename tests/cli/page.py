#!/usr/bin/env python3
"""page.py: is a report complete and well-formed? SPDX-License-Identifier: MIT

usage: page.py FILE...
Checks for each page: tags balance, ids are unique, links and references inside the page have their
target, nothing is loaded from elsewhere, no script; and where it is the page of a result: its JSON
parses, each lane has its column in the table and in the graph, each CPU its row among the TLBs, and
each step that is told its row and its node. Prints one line per page; status 1 when one is wrong.
"""
import html.parser
import json
import re
import sys

VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids, self.targets, self.classes = [], [], [], [], []
        self.text = {}

    def handle_startendtag(self, tag, attributes):
        self.element(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        self.element(tag, dict(attributes))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.wrong.append(f"line {self.getpos()[0]}: </{tag}> where "
                              f"{self.open[-1][0] if self.open else 'nothing'} is open")
            return
        self.open.pop()

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.text[name] = self.text.get(name, "") + data
        if self.open and self.open[-1][0] == "style" and re.search(r"@import|url\((?!#)", data):
            self.wrong.append("the style loads something")

    def element(self, tag, attributes):
        if tag in ("script", "iframe", "object") or "src" in attributes:
            self.wrong.append(f"<{tag}> in a page that stands alone")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.classes.append((tag, attributes.get("class") or ""))
        link = attributes.get("href", "")
        if link.startswith("#"):
            self.targets.append(link[1:])
        elif re.match(r"[a-z]+:", link) and link != "data:,":
            self.wrong.append(f"link to {link}")
        for value in attributes.values():
            self.targets += re.findall(r"url\(#([^)]*)\)", value or "")


def check_result(page, wrong):
    try:
        result = json.loads(page.text["json"])
    except (KeyError, ValueError) as error:
        wrong.append(f"no JSON: {error}")
        return
    translates = any(step["kind"] == "translate" for step in result["schedule"])
    for number, lane in enumerate(result["lanes"]):
        cpu = "tlb-" + lane.split(" ")[0]
        wants = [f"lane-{number}", f"graph-lane-{number}"] + ([cpu] if translates else [])
        wrong += [f"no {name} for {lane}" for name in wants if name not in page.ids]
        if page.text.get(f"lane-{number}") != lane:
            wrong.append(f"column {number} is not headed {lane}")
    told = [step for step in result["schedule"] if not step["routine"]]
    for step in told:
        if step["does"] not in page.text.get(f"step-{step['step']}", ""):
            wrong.append(f"step {step['step']} is not in the table in its words")
    nodes = sum(1 for tag, name in page.classes if tag == "g" and name.startswith("node "))
    if nodes != len(told):
        wrong.append(f"{nodes} nodes for {len(told)} steps")
    if not page.text.get("mermaid", "").startswith("sequenceDiagram\n"):
        wrong.append("no Mermaid text")
    if result["again"] and page.text.get("replay", "").strip() != result["again"]:
        wrong.append("no replay command")
    if result["assumptions"] not in page.text.get("assumptions", ""):
        wrong.append("no assumptions")


def check(path):
    page = Page()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page.feed(text)
    page.close()
    wrong = page.wrong + [f"<{tag}> is never closed" for tag, _ in page.open]
    wrong += [f"id {name} twice" for name in sorted({i for i in page.ids if page.ids.count(i) > 1})]
    wrong += [f"no #{name}" for name in sorted(set(page.targets) - set(page.ids))]
    if "results" not in page.ids:
        check_result(page, wrong)
    for one in wrong:
        print(f"{path}: {one}")
    if not wrong:
        print(f"{path}: good, {len(page.ids)} ids")
    return not wrong


if __name__ == "__main__":
    sys.exit(0 if len(sys.argv) > 1 and all([check(path) for path in sys.argv[1:]]) else 1)
