# Reads expected.json and then the reports of the runs: one line a cell, and the table of what was caught.
# A cell is right when decision, class, blamed product, update and module are those of the case.
.[0] as $expected | [.[1:][].cells[]] as $cells | [.[1:][].updates[]] as $updates |
def short: if . == null then "-" else tostring end;
def low: if . == null then null else ascii_downcase end;
[ $expected[] | . as $e
  | [$cells[] | select(.factors.update == $e.id and (.factors.products | IN($e.sets[])))] as $mine
  | [$cells[] | select(.factors.update == $e.id and ($e.expect.alone != null) and .factors.products == [$e.expect.product])] as $alone
  | ([$updates[] | select(.id == $e.id)][0].decision) as $decision
  | if ($mine | length) == 0 then {id: $e.id, outcome: "no cell"} else $mine[] | . as $c
  | (if $e.expect.decision == "ship" then
         (if $decision == "ship" and $c.verdict == "pass" then "passed"
          elif $decision == "hold" then "CRIED WOLF" else "NOT KNOWN" end)
     elif $decision == "ship" then "MISSED"
     elif $decision != "hold" then "NOT KNOWN"
     elif $c.failure_class != $e.expect.class then "WRONG CLASS"
     elif $c.blame.product != $e.expect.product or $c.blame.update != $e.id or
          ($c.blame.with != $e.expect.with) or
          (($c.blame.module | low) != ($e.expect.module | low)) then "WRONG BLAME"
     elif ($e.expect.alone == "ship") and ([$alone[] | select(.verdict != "pass")] | length) > 0 then "WRONG BLAME"
     else "caught" end) as $outcome
  | {id: $e.id, outcome: $outcome, wanted: ($e.expect.class // "pass"), verdict: $c.verdict,
     class: ($c.failure_class // $c.verdict), product: $c.blame.product, module: $c.blame.module, with: $c.blame.with,
     summary: $c.summary} end ] as $rows |
($rows[] | "\(.outcome)\t\(.id)\twanted \(.wanted // "-")\tgot \(.class // "-")\t\(.product | short) \(.module | short) \(.with | short)"),
"",
"harmful: " + ([["caught","MISSED","NOT KNOWN","WRONG CLASS","WRONG BLAME","no cell"][] as $o |
    "\($o) \([$rows[] | select(.outcome == $o and (.id | startswith("ok-") | not))] | length)"] | join(", ")),
"benign: " + ([["passed","CRIED WOLF","NOT KNOWN","no cell"][] as $o |
    "\($o) \([$rows[] | select(.outcome == $o and (.id | startswith("ok-")))] | length)"] | join(", ")),
(if all($rows[]; .outcome | IN("caught", "passed")) then "all as they should be" else "NOT AS IT SHOULD BE" end)
