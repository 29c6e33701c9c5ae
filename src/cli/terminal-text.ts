// Text for a terminal: aligned tables that fit the width, colour where it is wanted. Nothing here knows what a mapping is.

import { UNPRINTABLE } from '../base/texts.ts';

export interface Terminal {
  readonly columns: number;
  /** A terminal that shows colour, and nobody set NO_COLOR. */
  readonly hasColour: boolean;
}

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

const CODES: Readonly<Record<Colour, string>> = { green: '32', yellow: '33', red: '31', dim: '2', bold: '1' };

export const paint = (terminal: Terminal, colour: Colour, text: string): string =>
  terminal.hasColour && text !== '' ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;

export interface Column {
  readonly title: string;
  /** It is cut to no less than this, widest column first. */
  readonly least: number;
  readonly alignRight?: boolean;
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

const GAP = '  ';

/** Control points choose descriptions: nothing that moves the cursor may reach the terminal. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, '·');

export function table(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => widthOf(row[index]?.text ?? ''))),
  );
  shrink(widths, columns, terminal.columns - GAP.length * (columns.length - 1));
  const line = (cells: readonly Cell[]): string =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? { text: '' };
        const width = widths[index] ?? 0;
        const shown = fitted(printable(cell.text), width);
        const padding = ' '.repeat(Math.max(0, width - widthOf(shown)));
        const painted = cell.colour === undefined ? shown : paint(terminal, cell.colour, shown);
        return column.alignRight === true ? padding + painted : painted + padding;
      })
      .join(GAP)
      .trimEnd();
  const head = line(columns.map(({ title }) => ({ text: title, colour: 'dim' })));
  return [head, ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** Takes from the column with the most to give until all fit; never below `least`. */
function shrink(widths: number[], columns: readonly Column[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [index, width] of widths.entries()) {
      const spare = width - (columns[index]?.least ?? 0);
      if (spare > 0 && (widest < 0 || width > (widths[widest] ?? 0))) widest = index;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
}

const widthOf = (text: string): number => [...text].length;

function fitted(text: string, width: number): string {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Breaks at blanks so that no line is wider than the terminal. */
export function paragraph(terminal: Terminal, text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && indent.length + widthOf(line) + 1 + widthOf(word) > terminal.columns) {
      lines.push(indent + line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line].map((one) => `${one}\n`).join('');
}
