// `igd2pcp watch`: the health sentence and the table, redrawn in place once a second until the person has seen enough.
// The terminal is left as it was found, whatever ends the watching.

import { type Duration, seconds } from '../base/time.ts';
import { type AdminCall, askDaemon, type CommandOutcome, failed, printed } from './admin-commands.ts';
import { mappingTableText } from './mapping-table-text.ts';
import { paint, paragraph, type Terminal } from './terminal-text.ts';

export interface Screen {
  /** Asked before each drawing: windows change their size. */
  terminal(): Terminal;
  readonly rows: () => number;
  write(text: string): void;
  /** Settles after `span`, or at once when `stopped` fires. */
  sleep(span: Duration): Promise<void>;
  /** Ctrl-C, or the terminal is gone. */
  readonly stopped: AbortSignal;
}

const REDRAW_EVERY = seconds(1);
const ENTER_SCREEN = '\u001b[?1049h\u001b[?25l';
const LEAVE_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_REST = '\u001b[J';
const CLEAR_LINE_END = '\u001b[K';

export async function watchCommand(call: AdminCall, screen: Screen): Promise<CommandOutcome> {
  const first = await drawing(call, screen);
  if (!first.ok) return failed(first.error);
  screen.write(ENTER_SCREEN);
  try {
    screen.write(first.text);
    while (!screen.stopped.aborted) {
      await screen.sleep(REDRAW_EVERY);
      if (screen.stopped.aborted) break;
      const next = await drawing(call, screen);
      screen.write(next.ok ? next.text : onScreen(`${next.error}\nTrying again.\n`, screen.rows()));
    }
  } finally {
    screen.write(LEAVE_SCREEN);
  }
  return printed('');
}

type Drawing = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string };

async function drawing(call: AdminCall, screen: Screen): Promise<Drawing> {
  const status = await askDaemon(call, { method: 'GET', path: '/api/status' }, 'status');
  if (!status.ok) return status;
  const list = await askDaemon(call, { method: 'GET', path: '/api/mappings' }, 'mappings');
  if (!list.ok) return list;
  const terminal = screen.terminal();
  const { level, sentence } = status.value.health;
  const colour = level === 'good' ? 'green' : level === 'bad' ? 'red' : 'yellow';
  const heading = paint(terminal, colour, paragraph(terminal, sentence).trimEnd());
  const hint = paint(terminal, 'dim', 'Ctrl-C ends');
  const text = `${heading}\n\n${mappingTableText(list.value.mappings, terminal)}\n${hint}\n`;
  return { ok: true, text: onScreen(text, screen.rows()) };
}

/** Overwrites from the top without clearing first: nothing flickers. What does not fit is cut, and counted. */
function onScreen(text: string, rows: number): string {
  const lines = text.trimEnd().split('\n');
  const room = Math.max(2, rows - 1);
  const hidden = lines.length - room;
  const shown = hidden > 0 ? [...lines.slice(0, room - 1), `… ${hidden + 1} more lines`] : lines;
  return HOME + shown.map((line) => `${line}${CLEAR_LINE_END}\r\n`).join('') + CLEAR_REST;
}
