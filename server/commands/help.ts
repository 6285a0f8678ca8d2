/** The help texts, made from the table of commands. */
import type { Command, Option } from './command.ts'
import { table } from './text.ts'

/** All commands, one line each. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [`  ${name}`, summary])
  return [
    'habitat-auth: looks after an authorization server.',
    '',
    'Usage: habitat-auth <command> [options]',
    '',
    ...withoutHeader(rows),
    '',
    'habitat-auth <command> --help shows options and examples. Every command takes --json.',
    'Settings come from the environment and from .env in the current folder, as for the server.',
    'Exit codes: 0 done, 1 refused or not found, 2 wrong usage.',
  ].join('\n')
}

/** One command with its options and examples. */
export function helpFor(command: Command, options: Readonly<Record<string, Option>>): string {
  const rows = Object.entries(options).map(([name, option]) => [`  --${name}${placeholder(option)}`, explained(option)])
  return [
    `Usage: habitat-auth ${command.name} ${command.usage}`.trimEnd(),
    '',
    sentence(command.summary),
    ...(command.details ?? []).flatMap((paragraph) => ['', paragraph]),
    '',
    'Options:',
    ...withoutHeader(rows),
    '',
    command.examples.length === 1 ? 'Example:' : 'Examples:',
    ...command.examples.map((example) => `  habitat-auth ${example}`),
  ].join('\n')
}

function placeholder({ type, value }: Option): string {
  return type === 'string' ? ` <${value ?? 'text'}>` : ''
}

function explained({ summary, multiple }: Option): string {
  return multiple ? `${summary} (repeatable)` : summary
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}

function withoutHeader(rows: readonly (readonly string[])[]): string[] {
  return table(['', ''], rows).slice(1)
}
