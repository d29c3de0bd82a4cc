"""count.py LOG.json RUN.txt STATUS: what `meson test` found, counted by single checks (TAP lines).

Prints the failures with their output, the skips with their reasons, and `N passed, N failed` as the last line.
A test program that died, timed out or printed no plan counts as one failure. Exit 1 unless something passed and nothing failed.
"""
import json
import re
import sys


def main(log, run, status):
    passed, failed, skipped, bad = 0, 0, [], []
    try:
        tests = [json.loads(line) for line in open(log, encoding="utf-8", errors="replace")]
    except OSError:
        tests = []
    for test in tests:
        out = test.get("stdout") or ""
        lines = re.findall(r"^(ok|not ok) \d+(.*)$", out, re.M)
        good = sum(1 for word, rest in lines if word == "ok" and "# SKIP" not in rest.upper())
        skips = [rest for word, rest in lines if "# SKIP" in rest.upper()]
        fails = sum(1 for word, _ in lines if word == "not ok")
        if test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP") and fails == 0:
            fails = 1
        if test["result"] == "OK" and not lines:
            good = 1
        passed += good
        failed += fails
        skipped += [f"{test['name']}:{rest.strip(' -')}" for rest in skips]
        if test["result"] == "SKIP" and not skips:
            skipped.append(test["name"])
        if fails:
            bad.append(test)
        print(f"{test['result']:8} {test['name']}  {good} passed, {fails} failed  {test.get('duration', 0):.1f} s")
    for test in bad:
        print(f"\n--- {test['name']}: {test['result']}")
        print((test.get("stdout") or "")[-6000:])
        print((test.get("stderr") or "")[-6000:])
    for line in skipped:
        print(f"skipped: {line}")
    if not tests or (status and not failed):
        print(open(run, encoding="utf-8", errors="replace").read()[-6000:])
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
