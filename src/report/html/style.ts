/**
 * The style of the HTML document. One sheet in the file itself, since nothing may be loaded; the page's policy names it by its hash, so that no
 * other style applies either. System fonts; colours for light and dark; on paper everything that is folded is open.
 */

/** Of STYLE; test/report/html.test.ts says what it is when the sheet changes. */
export const STYLE_HASH = 'sha256-JthShqAARtFzwdtHWGK8sgrCUbQNsMqyuvXFBUbwmFk=';

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --link: #0b57b0;
  --critical: #b42318; --warning: #8f5200; --notice: #0b57b0; --info: #57606a; --good: #1a6e3a;
  --syn-sent: #f0b429; --syn-rcvd: #e67700; --established: #4c8dd6; --fin-wait-1: #b9a5e6; --fin-wait-2: #8262c9;
  --close-wait: #cf3a4a; --closing: #a8587d; --last-ack: #e391aa; --time-wait: #a7b0ba;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1d2126; --ink: #e6e9ed; --soft: #a4adb8; --line: #383f48; --link: #7db8ff;
    --critical: #ff8a80; --warning: #f5b942; --notice: #7db8ff; --info: #a4adb8; --good: #6fcf97;
    --time-wait: #68727e; --established: #3f7cc0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 var(--sans); -webkit-text-size-adjust: 100%; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1, h2, h3, h4 { line-height: 1.25; font-weight: 650; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; margin: .2rem 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 3rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 0 0 .6rem; }
h4 { font-size: 1rem; margin: 0 0 .6rem; }
p, ul, ol, dl { margin: 0 0 .9rem; max-width: 46rem; }
ul { padding-left: 1.2rem; }
li { margin-bottom: .35rem; }
a { color: var(--link); text-underline-offset: .15em; }
code, pre, svg text.mono { font-family: var(--mono); }
code { font-size: .88em; overflow-wrap: break-word; }
pre { margin: .4rem 0 .9rem; padding: .6rem .8rem; background: var(--panel); border: 1px solid var(--line); border-radius: 5px; font-size: .82rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere; }
.over { color: var(--soft); font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; margin: 0; }
.soft { color: var(--soft); }
.verdict { font-size: 1.1rem; margin-top: 1.4rem; }
.good { color: var(--good); }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .85rem; padding: 0 0 .35rem; }
th, td { text-align: left; vertical-align: top; padding: .34rem .8rem .34rem 0; border-bottom: 1px solid var(--line); }
thead th { font-size: .8rem; font-weight: 600; color: var(--soft); white-space: nowrap; border-bottom-color: var(--soft); }
tbody th { font-weight: 400; }
.num { text-align: right; padding-right: 1.1rem; white-space: nowrap; }
.keep { white-space: nowrap; }
.hash { font-size: .78rem; min-width: 16rem; } .hash code { overflow-wrap: anywhere; }
.mark { font-size: .74rem; font-weight: 700; letter-spacing: .04em; white-space: nowrap; }
.mark.critical { color: var(--critical); } .mark.warning { color: var(--warning); }
.mark.notice { color: var(--notice); } .mark.info { color: var(--info); }
article { margin: 0 0 2.2rem; padding: 1.1rem 1.3rem 1rem; border: 1px solid var(--line); border-left-width: 4px; border-radius: 6px; }
article.critical { border-left-color: var(--critical); } article.warning { border-left-color: var(--warning); }
article.notice { border-left-color: var(--notice); } article.info { border-left-color: var(--info); }
article.follows { margin-left: 1.6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.1rem; }
dt { color: var(--soft); } dd { margin: 0; }
.facts { font-size: .95rem; margin-top: 1rem; }
.label { font-weight: 650; margin: 1.1rem 0 .35rem; }
.caveat { border-left: 3px solid var(--line); padding-left: .8rem; color: var(--soft); }
details { margin: 0 0 1rem; }
summary { cursor: pointer; color: var(--link); font-size: .9rem; }
details > :not(summary) { margin-top: .6rem; }
figure { margin: 0 0 1.2rem; }
figcaption { color: var(--soft); font-size: .88rem; margin: .3rem 0 .5rem; }
figure .scroll { margin: 0; }
svg { display: block; width: 100%; height: auto; }
svg.wide { min-width: 40rem; }
svg text { font-family: var(--sans); font-size: 11.5px; fill: var(--ink); }
svg text.soft { fill: var(--soft); }
svg text.end { text-anchor: end; } svg text.middle { text-anchor: middle; }
svg text.bold { font-weight: 650; }
svg .axis { stroke: var(--soft); stroke-width: 1; fill: none; }
svg .grid { stroke: var(--line); stroke-width: 1; fill: none; }
svg .dots { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 1 4; fill: none; }
svg .bar { fill: var(--established); }
svg .critical { fill: var(--critical); } svg .warning { fill: var(--warning); } svg .notice { fill: var(--notice); } svg .info { fill: var(--info); }
svg .arrow { stroke: var(--ink); stroke-width: 1.2; fill: none; } svg .head { fill: var(--ink); }
svg .rst { stroke: var(--critical); } svg .head.rst { fill: var(--critical); stroke: none; }
svg .proof { fill: var(--panel); } svg text.proven { font-weight: 650; }
svg .area { stroke: var(--paper); stroke-width: .6; }
svg .line { fill: none; stroke-width: 1.6; }
svg .syn { stroke: var(--notice); } svg .completed { stroke: var(--good); stroke-dasharray: 6 3; }
svg .reset { stroke: var(--critical); stroke-dasharray: 2 2; } svg .again { stroke: var(--warning); stroke-dasharray: 8 3 2 3; }
.SYN_SENT { fill: var(--syn-sent); } .SYN_RCVD { fill: var(--syn-rcvd); } .ESTABLISHED { fill: var(--established); }
.FIN_WAIT_1 { fill: var(--fin-wait-1); } .FIN_WAIT_2 { fill: var(--fin-wait-2); } .CLOSE_WAIT { fill: var(--close-wait); }
.CLOSING { fill: var(--closing); } .LAST_ACK { fill: var(--last-ack); } .TIME_WAIT { fill: var(--time-wait); }
.CLOSED, .LISTEN { fill: var(--line); }
.legend { list-style: none; padding: 0; margin: .3rem 0 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .85rem; max-width: none; }
.legend li { margin: 0; display: flex; align-items: center; gap: .4rem; }
.legend svg { width: 1.4rem; height: .75rem; flex: none; }
.spread { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem 1.6rem; }
.rules { column-width: 13rem; list-style: none; padding: 0; max-width: none; font-size: .9rem; }
@media (max-width: 40rem) {
  main { padding: 1.2rem .9rem 2rem; } article { padding: .9rem .9rem .6rem; } article.follows { margin-left: .5rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
}
@media print {
  :root {
    color-scheme: light; --paper: #ffffff; --panel: #f5f6f8; --ink: #000000; --soft: #444444; --line: #bbbbbb; --link: #000000;
    --critical: #b42318; --warning: #8f5200; --notice: #0b57b0; --info: #57606a; --time-wait: #a7b0ba; --established: #4c8dd6; --good: #1a6e3a;
  }
  @page { margin: 16mm 14mm; }
  body { font-size: 9.5pt; } main { max-width: none; padding: 0; } a { text-decoration: none; }
  details::details-content { content-visibility: visible; block-size: auto; } summary { list-style: none; color: inherit; }
  h2, h3, h4, .label, figcaption { break-after: avoid; } figure, tr, pre { break-inside: avoid; } .scroll { overflow: visible; }
  svg.wide { min-width: 0; } article { border-radius: 0; } .bar, .area, svg * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
