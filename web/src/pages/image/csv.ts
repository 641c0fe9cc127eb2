/**
 * Yields the rows of comma-separated values, as RFC 4180 has them: fields in quotes may hold commas,
 * lines and doubled quotes. Rows may end in any of the usual ways; empty lines are none.
 */
export function* rowsOf(text: string): Generator<string[]> {
  let row: string[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    let field: string;
    [field, at] = text[at] === '"' ? quoted(text, at + 1) : plain(text, at);
    row.push(field);
    if (text[at] === ",") {
      at += 1;
      if (at < text.length) continue;
      row.push("");
    }
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    if (row.length > 1 || row[0] !== "") yield row;
    row = [];
  }
}

const END = /[,\r\n]/g;

function plain(text: string, from: number): [string, number] {
  END.lastIndex = from;
  const end = END.exec(text)?.index ?? text.length;
  return [text.slice(from, end), end];
}

function quoted(text: string, from: number): [string, number] {
  let end = text.indexOf('"', from);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  if (end < 0) end = text.length;
  // What follows the closing quote belongs to the field, up to its end.
  const [rest, next] = plain(text, Math.min(end + 1, text.length));
  return [text.slice(from, end).replaceAll('""', '"') + rest, next];
}
