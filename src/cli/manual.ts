// What the documents are made from: commands and options as plain data. `cli/help-text.ts` fills it from its tables;
// the manual page, shell completion and the README's table are written from it.

export interface Manual {
  readonly version: string;
  readonly commands: readonly ManualCommand[];
  readonly options: readonly ManualOption[];
}

export interface ManualCommand {
  readonly name: string;
  readonly words: string;
  readonly summary: string;
  readonly details: string;
  readonly flags: readonly ManualFlag[];
}

export interface ManualFlag {
  readonly flag: string;
  /** Undefined for a switch. */
  readonly placeholder: string | undefined;
  readonly isRepeatable: boolean;
  /** It is one of `Manual.options`, too. */
  readonly isConfiguration: boolean;
  readonly help: string;
}

export interface ManualOption extends ManualFlag {
  /** "lan.http_port". */
  readonly key: string;
  readonly environment: string;
  /** As TOML. */
  readonly standard: string;
}
