/**
 * Texts that somebody would send to harm whoever reads them, and what every text that we print must be free of. Each stands for a
 * family; test/model/sanitise.test.ts goes through the characters one by one.
 */

/** By what they attack. */
export const HOSTILE: Readonly<Record<string, string>> = {
  'a colour': '\u001b[31mred\u001b[0m',
  'the title of the terminal (OSC 0)': '\u001b]0;owned\u0007',
  'the clipboard (OSC 52)': '\u001b]52;c;cm0gLXJm\u001b\\',
  'a hyperlink (OSC 8)': '\u001b]8;;http://evil.example\u001b\\click\u001b]8;;\u001b\\',
  'the cursor, by CSI as C1': '\u009b2J\u009b1;1H',
  'the answerback (ENQ) and a device control string': '\u0005\u001bP$q"p\u001b\\',
  'the line: carriage return, backspace, feeds': 'ok\rno\b\b\v\f\nnew line\u0085next\u2028sep\u2029par',
  'the direction of the line': 'gpj.\u202eexe\u2066\u2069\u061c\u200f',
  'the eye: zero width': 'pay\u200bpal\u200d\u2060\ufeff\u00ad',
  'a spreadsheet, by a formula': '=HYPERLINK("http://evil.example","open")',
  'a spreadsheet, by a sign': "+cmd|' /C calc'!A0",
  'a spreadsheet, by @ behind a tab': '\t@SUM(1+1)*cmd',
  'a table of comma-separated values': 'a","b\r\nc,d',
  'a table of tab-separated values': 'a\tb\n#close',
  'a page': '<script>alert(1)</script><img src=x onerror=alert(1)>&amp;"\'',
  'a Markdown document': '[click](javascript:alert(1)) ![x](http://evil.example/x.png) `code` | cell |\n# title\n<b>',
  'a diagram': 'x; note over a: y %%{init: {}}%% <br/> #35; end',
  'a shell': '$(reboot) `reboot` ; reboot | sh & "\' \\ > /etc/passwd',
  'a JSON document': '"},{"x":"\\u001b[31m',
  'a format string': '%s%n%x {0} ${x} {{x}}',
  'decoders of text: half a surrogate pair, a noncharacter, a tag': '\ud800x\udfff \uffff \u{e0041}\u{e007f}',
  nothing: '',
  'memory: a long word': 'A'.repeat(5_000),
};

/** C0 without the line feed, DEL, C1, everything of Unicode that is invisible or turns the line, and halves of pairs. */
export const UNPRINTABLE =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/u;

/**
 * Commands are made of our own words, addresses and ports. What somebody sent has no way into them, quoted or not: none of the words
 * that the hostile texts are made of may stand in one. Outside of quotes there is nothing that a shell would run or take for a pattern.
 */
export const isOurCommand = (command: string): boolean =>
  /^[\n\x20-\x7e]+$/.test(command) &&
  !/\$\(|[`[\]]/.test(command.replace(/'[^']*'|"[^"]*"/g, '')) &&
  !/evil|owned|reboot|passwd|calc|HYPERLINK|alert|@SUM|AAAAAA|%n%x|init:/.test(command);
