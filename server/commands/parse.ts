/**
 * From the words of a command line to a command and its input, or to help, or to what is wrong with them.
 *
 * Pure. What a command takes stands in the table; nothing here knows any of them by name.
 */
import { parseArgs } from 'node:util'
import { type Command, type Input, type Option, UsageError } from './command.ts'
import { helpFor, overview } from './help.ts'
import { nearest, printable } from './text.ts'

export type Request =
  | { readonly kind: 'run'; readonly command: Command; readonly input: Input; readonly json: boolean }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'wrong'; readonly message: string }

/** Understands a command line (without the program's name). */
export function parse(commands: readonly Command[], argv: readonly string[]): Request {
  const [noun = 'help', verb = ''] = argv
  if (noun === 'help' || noun === '--help' || noun === '-h') return help(commands, noun === 'help' ? argv.slice(1) : [])
  const command = commands.find(({ name }) => name === `${noun} ${verb}`) ?? commands.find(({ name }) => name === noun)
  if (command === undefined) return unknown(commands, argv)
  const rest = argv.slice(command.name.split(' ').length)
  if (beforeTerminator(rest).some((word) => word === '--help' || word === '-h')) {
    return { kind: 'help', text: helpFor(command, optionsOf(command)) }
  }
  try {
    const input = read(command, rest)
    return { kind: 'run', command, input, json: input.flag('json') }
  } catch (error) {
    if (!(error instanceof UsageError) && !isParseError(error)) throw error
    // Node goes on about arguments that begin with a hyphen, which no command takes, and breaks its lines.
    const message = error.message.replace(/\. To specify a positional argument .*/s, '.').replaceAll('\n', ' ')
    return { kind: 'wrong', message: `${printable(message)}\nSee: habitat-auth ${command.name} --help` }
  }
}

/** The options of a command with those that many have. */
function optionsOf(command: Command): Readonly<Record<string, Option>> {
  return {
    ...command.options,
    ...(command.destructive
      ? { 'dry-run': { type: 'boolean', summary: 'say what would happen and change nothing' } as const }
      : {}),
    json: { type: 'boolean', summary: 'answer with one line of JSON' },
    help: { type: 'boolean', summary: 'show this help' },
  }
}

function read(command: Command, rest: readonly string[]): Input {
  const known = optionsOf(command)
  const { values, positionals, tokens } = parseArgs({
    args: [...rest],
    allowPositionals: true,
    strict: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { type, multiple }]) => [name, { type, multiple: multiple ?? false }]),
    ),
    tokens: true,
  })
  const twice = repeated(tokens, known)
  if (twice !== undefined) throw new UsageError(`--${twice} is given more than once, and takes one value only.`)
  const [least, most] = command.arguments ?? [0, 0]
  if (positionals.length < least) throw new UsageError(`Something is missing: ${command.name} ${command.usage}`)
  if (positionals.length > most) {
    const surplus = positionals[most]
    throw new UsageError(`"${surplus}" is one argument too many. Put names with spaces in quotes.`)
  }
  const value = (option: string): unknown => {
    if (!Object.hasOwn(known, option)) throw new TypeError(`${command.name} has no option ${option}`)
    return values[option]
  }
  return {
    argument: (position) => positionals[position],
    text: (option) => value(option) as string | undefined,
    list: (option) => value(option) as readonly string[] | undefined,
    flag: (option) => value(option) === true,
  }
}

/** An option that was given several times, though only one value of it would count. */
function repeated(
  tokens: readonly { kind: string; name?: string }[],
  known: Readonly<Record<string, Option>>,
): string | undefined {
  const single = tokens.flatMap(({ kind, name }) =>
    kind === 'option' && name !== undefined && known[name]?.type === 'string' && known[name].multiple !== true
      ? [name]
      : [],
  )
  return single.find((name, index) => single.indexOf(name) !== index)
}

function help(commands: readonly Command[], words: readonly string[]): Request {
  const name = words.filter((word) => !word.startsWith('-')).join(' ')
  const command = commands.find((candidate) => candidate.name === name)
  if (command !== undefined) return { kind: 'help', text: helpFor(command, optionsOf(command)) }
  const group = commands.filter((candidate) => candidate.name.startsWith(`${name} `))
  if (name === '' || group.length > 0) return { kind: 'help', text: overview(name === '' ? commands : group) }
  return unknown(commands, name.split(' '))
}

function unknown(commands: readonly Command[], argv: readonly string[]): Request {
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'))
  const group = commands.filter(({ name }) => name.split(' ')[0] === words[0])
  if (words.length === 1 && group.length > 0) {
    if (argv.includes('--help') || argv.includes('-h')) return { kind: 'help', text: overview(group) }
    return { kind: 'wrong', message: `What about ${words[0]}? There are: ${group.map(({ name }) => name).join(', ')}.` }
  }
  const typed = words.join(' ') || (argv[0] ?? '')
  const names = commands.flatMap(({ name }) => (words.length > 1 ? [name] : [name, name.split(' ')[0] ?? name]))
  const suggestion = nearest(typed, names)
  const hint =
    suggestion === undefined ? 'See: habitat-auth help' : `Did you mean "${suggestion}"? See: habitat-auth help`
  return { kind: 'wrong', message: `There is no command "${printable(typed)}". ${hint}` }
}

function beforeTerminator(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  return end === -1 ? words : words.slice(0, end)
}

function isParseError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
