/**
 * What a row of the table of standards says. `docs/standards.md` is written from the rows, and
 * `test/standards/table.test.ts` holds them to the files beside it and to the discovery document.
 */
export interface Standard {
  /** Name of the test under `test/standards/`, without `.test.ts`: `rfc9126-par`. */
  readonly file: string
  /** What it is, in words. */
  readonly feature: string
  /** The document: `RFC 9126`, or its name with `address`. */
  readonly document: string
  /** Where it is to be read, if the document is not an RFC. */
  readonly address?: string
  /** The sections that the test shows: `§2, §4`. */
  readonly sections: string
  /** The client from outside that shows it. */
  readonly shownBy: string
  /** Whether it is there for everybody, for clients that were registered so, or by a setting. */
  readonly on: 'always' | PerClient | BySetting
  /** What the discovery document says because of it: of the default server, or of one with the settings of `on`. */
  readonly discovery: Readonly<Record<string, Stated>>
}

interface PerClient {
  /** The option of `client add`, or what else it takes: `--profile device`. */
  readonly client: string
}

export interface BySetting {
  /** Settings with a value that switches it on. Those of the bot get the ones of a Telegram for tests. */
  readonly settings: Readonly<Record<string, string>>
}

/** A list: these are among those stated. A text that begins with `/`: an address of ours. `null`: not stated. */
export type Stated = string | boolean | number | null | readonly string[]
