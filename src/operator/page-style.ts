// The look of the pages: one column, the system's own letters, light and dark, a table that becomes cards on a phone.

export const PAGE_STYLE = `
:root { --ink:#1b1f24; --soft:#59636e; --paper:#fff; --raised:#f6f8fa; --line:#d1d9e0; --good:#1a7f37; --attention:#9a6700; --bad:#c1272d; --accent:#0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --ink:#e6edf3; --soft:#9aa5b1; --paper:#0d1117; --raised:#161b22; --line:#30363d; --good:#4ac26b; --attention:#d8a530; --bad:#ff7b72; --accent:#79b8ff; }
}
* { box-sizing:border-box; }
body { margin:0 auto; max-width:68rem; padding:1rem clamp(.75rem,3vw,2rem) 3rem; background:var(--paper); color:var(--ink); font:16px/1.5 system-ui,sans-serif; }
h1 { font-size:1.1rem; margin:0; color:var(--soft); font-weight:600; }
h2 { font-size:1.15rem; margin:2.2rem 0 .6rem; }
p { margin:.4rem 0; }
a { color:var(--accent); }
:focus-visible { outline:3px solid var(--accent); outline-offset:2px; }
.skip { position:absolute; left:-100vw; } .skip:focus { left:.75rem; background:var(--paper); padding:.3rem .6rem; }
.top { display:flex; justify-content:space-between; align-items:center; gap:1rem; flex-wrap:wrap; }
.health { margin:1rem 0; padding:.9rem 1.1rem; border:1px solid var(--line); border-left:.45rem solid var(--mark); border-radius:.5rem; background:var(--raised); font-size:1.2rem; }
.good { --mark:var(--good); } .attention { --mark:var(--attention); } .bad { --mark:var(--bad); }
.facts { display:grid; grid-template-columns:repeat(auto-fit,minmax(9rem,1fr)); gap:.75rem; margin:0; }
.facts div { background:var(--raised); border:1px solid var(--line); border-radius:.5rem; padding:.6rem .9rem; }
dt { color:var(--soft); font-size:.85rem; } dd { margin:0; overflow-wrap:anywhere; }
.facts dd { font-size:1.1rem; font-variant-numeric:tabular-nums; }
table { border-collapse:collapse; width:100%; font-size:.95rem; }
th { text-align:left; color:var(--soft); font-weight:600; font-size:.85rem; }
th,td { padding:.5rem .9rem .5rem 0; border-bottom:1px solid var(--line); vertical-align:top; }
td:nth-child(3),td:nth-child(6) { overflow-wrap:anywhere; min-width:9rem; }
@media (min-width:44.01rem) { td:not(:nth-child(3)):not(:nth-child(6)),th { white-space:nowrap; } }
td { font-variant-numeric:tabular-nums; }
.soft { color:var(--soft); font-size:.88rem; display:block; }
.state { white-space:nowrap; } .state::before { content:""; display:inline-block; width:.65em; height:.65em; border-radius:50%; background:var(--mark); margin-right:.4em; }
ul.plain { list-style:none; margin:0; padding:0; }
ul.events { margin-top:1rem; }
.events li { display:grid; grid-template-columns:8rem 1fr; gap:.75rem; padding:.3rem 0; border-bottom:1px solid var(--line); overflow-wrap:anywhere; }
.events time { color:var(--soft); }
.warn span::before { content:"! "; color:var(--bad); font-weight:700; }
.cards { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr)); gap:1rem; }
.card, figure { margin:0; background:var(--raised); border:1px solid var(--line); border-radius:.5rem; padding:.8rem 1rem; }
.card h3 { margin:0 0 .3rem; font-size:1rem; overflow-wrap:anywhere; }
.yes { color:var(--good); } .no { color:var(--bad); }
figcaption { display:flex; justify-content:space-between; gap:1rem; margin-bottom:.4rem; } 
svg { display:block; width:100%; height:7rem; overflow:visible; }
svg .curve { fill:none; stroke:var(--accent); stroke-width:2; vector-effect:non-scaling-stroke; stroke-linejoin:round; }
svg .area { fill:var(--accent); opacity:.14; }
svg .base { stroke:var(--line); stroke-width:1; vector-effect:non-scaling-stroke; }
.axis { display:flex; justify-content:space-between; color:var(--soft); font-size:.8rem; margin-top:.2rem; }
button { font:inherit; color:var(--ink); background:var(--paper); border:1px solid var(--soft); border-radius:.4rem; padding:.25rem .8rem; min-height:2.2rem; cursor:pointer; }
button:hover { border-color:var(--accent); color:var(--accent); } .danger:hover { border-color:var(--bad); color:var(--bad); }
input { font:inherit; color:var(--ink); background:var(--paper); border:1px solid var(--soft); border-radius:.4rem; padding:.25rem .6rem; min-height:2.2rem; max-width:100%; }
form.inline { display:flex; gap:.5rem; flex-wrap:wrap; align-items:center; margin:0; }
.offline { color:var(--bad); font-weight:600; }
footer { margin-top:2.5rem; color:var(--soft); font-size:.88rem; }
@media (max-width:44rem) {
  thead { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); }
  table,tbody,tr,td { display:block; }
  tr { border:1px solid var(--line); border-radius:.5rem; background:var(--raised); padding:.5rem .8rem; margin-bottom:.75rem; }
  td { border:0; padding:.2rem 0; overflow-wrap:anywhere; display:grid; grid-template-columns:6rem 1fr; gap:.5rem; }
  td::before { content:attr(data-label); color:var(--soft); font-size:.85rem; }
  td > * { grid-column:2; } td > .first { grid-row:1; }
  .events li { grid-template-columns:1fr; gap:0; }
}
@media print { button,form,.live { display:none; } }
`;
