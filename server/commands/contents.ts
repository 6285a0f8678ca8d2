/**
 * What the CLI's own process puts into a command line before the command goes anywhere.
 *
 * A command may run inside a server, in another folder and perhaps for another user of the system: it must not read the
 * files that are named to it, nor fetch addresses. So the values of options that name a file (`Option.content`) are
 * replaced by what the file holds. Knows options by their table entries, not by name.
 */
import { parseArgs } from 'node:util'
import { Refusal } from '../errors.ts'
import type { Command, Input } from './command.ts'

export interface ContentSources {
  /** The picture in a file, in the form that commands take. Throws `Refusal`. */
  readonly picture: (path: string) => Promise<string>
  /** The text of a file that holds JSON. Throws `Refusal`. */
  readonly json: (path: string) => Promise<string>
  /** The same for an https address. Throws `Refusal`. */
  readonly address: (address: string) => Promise<string>
}

export interface Contents {
  readonly argv: readonly string[]
  /** What could not be fetched, and why. */
  readonly notices: readonly string[]
}

/** The command line with contents in place of names. Throws `Refusal` when a file cannot be taken. */
export async function withContents(
  argv: readonly string[],
  command: Command,
  input: Input,
  sources: ContentSources,
): Promise<Contents> {
  const filled = await withFiles(argv, command, sources)
  const fetched = await fetchedOptions(command, input, sources)
  const at = command.name.split(' ').length
  return { argv: filled.toSpliced(at, 0, ...fetched.options), notices: fetched.notices }
}

async function withFiles(argv: readonly string[], command: Command, sources: ContentSources): Promise<string[]> {
  const options = command.options ?? {}
  const { tokens } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    strict: false,
    tokens: true,
    options: Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }])),
  })
  const words = [...argv]
  // From the end, so that the places of those before stay right.
  for (const token of tokens.toReversed()) {
    if (token.kind !== 'option' || token.value === undefined) continue
    const kind = options[token.name]?.content
    if (kind === undefined) continue
    const written = token.value === '' || (kind === 'json' && token.value.startsWith('{'))
    const content = written ? token.value : await sources[kind](token.value)
    words.splice(token.index, token.inlineValue ? 1 : 2, `--${token.name}=${content}`)
  }
  return words
}

async function fetchedOptions(
  command: Command,
  input: Input,
  sources: ContentSources,
): Promise<{ options: string[]; notices: string[] }> {
  const options: string[] = []
  const notices: string[] = []
  for (const [name, { fetchedInto }] of Object.entries(command.options ?? {})) {
    const address = fetchedInto === undefined ? undefined : input.text(name)
    if (fetchedInto === undefined || address === undefined || input.text(fetchedInto) !== undefined) continue
    if (URL.parse(address)?.protocol !== 'https:') continue
    try {
      options.push(`--${fetchedInto}=${await sources.address(address)}`)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      notices.push(
        `${address} was not fetched. ${error.message} Nothing was stored from it; --${fetchedInto} stores a file.`,
      )
    }
  }
  return { options, notices }
}
