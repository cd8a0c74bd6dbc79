/**
 * The style sheet. Arm colours are from Okabe and Ito's palette, which colour-blind readers can
 * tell apart, with lighter members on dark ground.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --surface: #f6f7f8; --text: #1b1e23; --muted: #59616b; --line: #dfe3e7;
  --arm-0: #0072b2; --arm-1: #c2500a; --arm-2: #00805c; --arm-3: #a5508a;
  --yes: #00694c; --no: #b0400a; --open: #59616b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111417; --surface: #1a1e23; --text: #e9ecef; --muted: #a4adb7; --line: #2e343b;
    --arm-0: #56b4e9; --arm-1: #f0a35c; --arm-2: #3fcfa4; --arm-3: #df9cc6;
    --yes: #4fd6ad; --no: #f2a067; --open: #a4adb7;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: clamp(26px, 4.4vw, 38px); line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 16px; text-wrap: balance; }
h2 { font-size: 22px; line-height: 1.25; letter-spacing: -0.01em; margin: 56px 0 8px; }
h3 { font-size: 16px; line-height: 1.35; margin: 0; }
p { margin: 0 0 12px; max-width: 74ch; overflow-wrap: anywhere; }
h1, h2, h3, th, td, dd, dt, figcaption, .seed { overflow-wrap: break-word; }
.lede { font-size: 18px; }
.muted, .meta, .note { color: var(--muted); }
.meta { font-size: 14px; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0; padding: 0; list-style: none; }
.caveats { border-left: 3px solid var(--no); padding: 2px 0 2px 14px; margin: 20px 0 0; }
.caveats p:last-child { margin: 0; }
.note { font-size: 14px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
pre { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; overflow-x: auto; margin: 0 0 12px; }

.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 14px; margin: 32px 0 0; }
.tile { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px 12px; min-width: 0; }
.tile h2 { font-size: 13px; line-height: 1.35; letter-spacing: 0; font-weight: 600; color: var(--muted); margin: 0 0 10px; }
.tile dl { margin: 0; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 4px 10px; align-items: baseline; }
.tile dt { font-size: 14px; }
.tile dd { margin: 0; font-size: 22px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; text-align: right; font-variant-numeric: tabular-nums; }
.tile p { margin: 10px 0 0; padding-top: 8px; border-top: 1px solid var(--line); font-size: 13px; color: var(--muted); }

.claims { display: grid; gap: 14px; margin: 20px 0 0; }
.claim { border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; min-width: 0; display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 8px 32px; align-items: start; }
.claim header { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: baseline; }
.claim header h3 { flex: 1 1 300px; }
.claim p { margin: 0; font-size: 15px; }
.verdict { font-size: 13px; font-weight: 650; white-space: nowrap; border: 1.5px solid; border-radius: 99px; padding: 1px 11px; }
.yes { color: var(--yes); } .no { color: var(--no); } .open { color: var(--open); }
.numbers { width: 100%; font-size: 13px; }
.numbers th, .numbers td { padding: 4px 0; vertical-align: middle; }
.numbers th { padding-right: 12px; }
.numbers tbody + tbody th[scope="rowgroup"] { padding-top: 12px; }
.numbers th[scope="rowgroup"] { font-weight: 600; }
.numbers td:nth-of-type(1) { width: 132px; }
.numbers td:last-child { text-align: right; white-space: nowrap; padding-left: 12px; width: 1%; }
.numbers .plot { width: 120px; height: 18px; }

.scroll { overflow-x: auto; margin: 14px 0 12px; border: 1px solid var(--line); border-radius: 10px; }
.swipe { display: none; color: var(--muted); font-size: 13px; margin: 14px 0 -6px; }
@supports (animation-timeline: scroll()) and (timeline-scope: --wide) {
  .wide { timeline-scope: --wide; }
  .wide .scroll { scroll-timeline: --wide inline; }
  .wide .swipe { display: block; max-height: 0; margin: 0; overflow: hidden; animation: hint linear; animation-timeline: --wide; }
  @keyframes hint { from, to { max-height: 4em; margin: 14px 0 -6px; } }
}
.scroll:focus-visible { outline: 2px solid var(--arm-0); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll table { width: 100%; font-size: 14px; }
.scroll th, .scroll td { padding: 8px 14px; border-bottom: 1px solid var(--line); }
.scroll tbody tr:last-child > * { border-bottom: 0; }
thead th { background: var(--surface); font-weight: 600; white-space: nowrap; }
th { text-align: left; font-weight: 500; vertical-align: baseline; }
td { vertical-align: baseline; }
.data td, .data thead th { text-align: right; white-space: nowrap; }
.data thead .group { text-align: center; }
.data tbody th { min-width: 118px; }
.data tbody th, .data thead tr > :first-child { position: sticky; left: 0; background: var(--ground); text-align: left; }
.data thead tr > :first-child { background: var(--surface); }
.group { border-left: 1px solid var(--line); }
.start { border-left: 1px solid var(--line); }
.of { font-size: 13px; font-weight: 400; color: var(--muted); }
td small, .unit { display: block; color: var(--muted); font-size: 12px; font-weight: 400; }
td strong { font-weight: 650; }

.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 14px; margin: 14px 0 0; padding: 0; list-style: none; }
.legend svg, .key svg { width: 28px; height: 10px; margin-right: 8px; vertical-align: middle; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 32px; margin: 20px 0 0; }
figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: 4px; }
figcaption p { font-size: 13px; color: var(--muted); margin: 2px 0 0; max-width: none; }
figcaption .legend { font-size: 13px; margin-top: 4px; }
.plot { display: block; width: 100%; height: auto; --plot-background: var(--ground); overflow: visible; }

.samples { min-width: 780px; table-layout: fixed; }
.samples td, .samples tbody th { overflow-wrap: anywhere; }
.samples .text { white-space: pre-wrap; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
.reward { font-size: 12px; color: var(--muted); white-space: nowrap; }
details { border-top: 1px solid var(--line); }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { cursor: pointer; font-weight: 600; padding: 12px 0; }
.folded { margin-top: 32px; }
dl.terms { display: grid; grid-template-columns: minmax(130px, 190px) minmax(0, 1fr); gap: 8px 24px; margin: 16px 0; font-size: 15px; }
.terms dt { font-weight: 600; }
.terms dd { margin: 0; }
.options td, .options tbody th { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; overflow-wrap: anywhere; }
.differs > * { background: color-mix(in srgb, var(--arm-0) 12%, transparent); }

@media (max-width: 820px) {
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .claim { grid-template-columns: minmax(0, 1fr); }
  .charts { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 520px) {
  main { padding: 24px 16px 48px; }
  .lede { font-size: 17px; }
  h2 { margin-top: 44px; }
  .tiles { grid-template-columns: minmax(0, 1fr); gap: 10px; }
  .claim { padding: 16px; }
  .numbers td:nth-of-type(1) { width: 80px; }
  .numbers .plot { width: 80px; height: 12px; }
  dl.terms { grid-template-columns: minmax(0, 1fr); gap: 2px; }
  .terms dd { margin-bottom: 10px; }
  .scroll th, .scroll td { padding: 7px 10px; }
  .swipe { display: block; }
  .scroll table { min-width: 560px; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --surface: #f6f7f8; --text: #000000; --muted: #444444; --line: #cccccc;
    --arm-0: #0072b2; --arm-1: #c2500a; --arm-2: #00805c; --arm-3: #a5508a;
    --yes: #00694c; --no: #b0400a; --open: #444444;
  }
  main { max-width: none; padding: 0; }
  body { font-size: 11pt; }
  .tile, .claim, figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 8px; }
  .tile { padding: 8px 10px; }
  .tile h2 { font-size: 8.5pt; }
  .tile dt { font-size: 9pt; }
  .tile dd { font-size: 13pt; }
  .tile p { font-size: 8pt; }
  .tile .key svg, .tile dt svg { width: 18px; margin-right: 4px; }
  .claim { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 6px 20px; padding: 12px 14px; }
  .claim p { font-size: 9.5pt; }
  .claim h3 { font-size: 11pt; }
  .numbers { font-size: 8.5pt; }
  .numbers td:nth-of-type(1) { width: 84px; }
  .numbers .plot { width: 80px; height: 12px; }
  table.data { break-inside: avoid; }
  h2 { margin-top: 28px; }
  .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
  .wide .swipe { display: none; }
  .scroll { overflow: visible; border: 0; }
  .scroll table { font-size: 8.5pt; }
  .scroll th, .scroll td { padding: 3px 5px; }
  .samples { min-width: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;
