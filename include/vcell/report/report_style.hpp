#pragma once

#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// How the report looks: on a screen, and on A4 or letter paper.
inline constexpr std::string_view report_style = R"(
:root { color-scheme: light; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --accent: #1f5f9f;
  --warn: #8a3b00; --warn-ground: #fff6ec; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 66rem; background: #fff;
  color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--accent); }
small, figcaption, .note { color: var(--soft); font-size: .8125rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: baseline; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; font-size: .8125rem; color: var(--soft); vertical-align: bottom; }
tbody th, tfoot th { font-weight: 400; }
.n { text-align: right; white-space: nowrap; padding-left: .5rem; }
.scores b { color: var(--accent); }
.scores tbody th { white-space: nowrap; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; border-top: 2px solid var(--line); }
.wide { overflow-x: auto; margin: .5rem 0; }
.all { font-size: .75rem; }
.all thead th { font-size: .75rem; }
.all th, .all td { padding: .22rem .3rem .22rem 0; }
.all .n { padding-left: .15rem; }
.all .group { text-align: center; border-left: 1px solid var(--line); padding-left: .3rem; }
.all .first { border-left: 1px solid var(--line); padding-left: .45rem; }
abbr { text-decoration: none; cursor: help; }
.warnings { background: var(--warn-ground); border-left: 4px solid var(--warn);
  padding: .6rem 1rem; margin: 1rem 0; }
.warnings h2 { border: 0; padding: 0; margin: 0 0 .25rem; font-size: 1rem; color: var(--warn); }
.warnings ul { margin: 0; padding-left: 1.1rem; }
.warnings li { margin: .2rem 0; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; }
.single { max-width: 46rem; }
.grid { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem 1.25rem; }
.grid figure { margin: .5rem 0; break-inside: avoid; }
.absent { border: 1px dashed var(--line); padding: 1rem; color: var(--soft); }
.genes { line-height: 1.6; }
.wide table:not(.scores) tbody th { min-width: 10rem; }
.genes b { color: var(--accent); }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .2rem 1rem; margin: .25rem 0;
  font-size: .9375rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.reading dl { grid-template-columns: 11rem 1fr; }
@media screen and (max-width: 44rem) {
  body { padding: 1.5rem 1rem 3rem; }
  .grid { grid-template-columns: 1fr 1fr; }
  .genes { min-width: 16rem; }
  .single { overflow-x: auto; }
  .single svg { min-width: 34rem; }
}
@media screen and (max-width: 32rem) {
  .grid, dl, .reading dl { grid-template-columns: 1fr; }
  dd { margin-bottom: .4rem; }
  table { font-size: .8125rem; }
  table:not(.all) thead th { white-space: normal; font-size: .75rem; }
  table:not(.all) :is(th, td) { padding: .3rem .25rem .3rem 0; }
  .wide table:not(.scores) tbody th { min-width: 0; }
  .scores th small { display: block; }
  .scores:not(.all) :is(th, td):last-child { display: none; }
}
@media print {
  @page { size: A4; margin: 14mm 13mm; }
  body { font-size: 9.5pt; max-width: none; padding: 0; }
  h1 { font-size: 17pt; }
  h2 { font-size: 12pt; margin-top: 1.4rem; }
  h2, h3, h2 + p, thead { break-after: avoid; }
  tr, figure, .warnings, dl > * { break-inside: avoid; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  .wide { overflow: visible; }
  .all, .all thead th { font-size: 6.6pt; }
  .all th, .all td { padding: .15rem .2rem .15rem 0; }
  .warnings { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

VCELL_END_NAMESPACE
