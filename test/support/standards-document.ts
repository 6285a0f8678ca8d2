/** Writes `docs/standards.md` from the rows: `npm run docs:standards`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Standard, Stated } from './standards/row.ts'
import { groups } from './standards.ts'

export const documentPath = join(import.meta.dirname, '../../docs/standards.md')

/** The document as the rows say it. */
export function standardsDocument(): string {
  const sections = Object.entries(groups)
    .filter(([, rows]) => rows.length > 0)
    .map(([name, rows]) => [`## ${name}`, '', ...head, ...rows.map(line), ''].join('\n'))
  return [introduction, ...sections].join('\n')
}

const introduction = `# Standards

Each row is shown over HTTP by a client that was not written for this server, with the refusals, in the test that it
names. A test holds this table to the rows that it is written from (\`npm run docs:standards\`), to those tests and to the
discovery documents: nothing is stated there that no row speaks of, and nothing here that a server does not state.

Where a row is not always on, clients are registered for it ([clients.md](clients.md)), or a setting switches it on
([settings.md](settings.md)): until then it is neither stated nor answered. What is recommended beyond the standards is
in [security.md](security.md).
`

const head = [
  '| what | where | on by default | what discovery says of it | shown by | test |',
  '|---|---|---|---|---|---|',
]

function line(row: Standard): string {
  const cells = [row.feature, written(row), switched(row), discovery(row), row.shownBy, test(row)]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function written({ document, address, sections }: Standard): string {
  const number = /^RFC (\d+)$/.exec(document)?.[1]
  const url = address ?? (number === undefined ? undefined : `https://www.rfc-editor.org/rfc/rfc${number}`)
  return `${url === undefined ? document : `[${document}](${url})`} ${sections}`.trim()
}

function switched({ on }: Standard): string {
  if (on === 'always') return 'yes'
  if ('client' in on) return `per client: ${on.client}`
  return `by setting: ${Object.keys(on.settings)
    .map((name) => `\`${name}\``)
    .join(', ')}`
}

function discovery(row: Standard): string {
  const said = Object.entries(row.discovery).map(([member, stated]) => `\`${member}\`${value(stated)}`)
  return said.length === 0 ? '–' : said.join('; ')
}

function value(stated: Stated): string {
  if (stated === null) return ' is not stated'
  if (typeof stated === 'object') return `: ${stated.map((one) => `\`${one}\``).join(', ')}`
  return `: \`${stated}\``
}

function test({ file }: Standard): string {
  return `[${file}](../test/standards/${file}.test.ts)`
}

if (import.meta.main) writeFileSync(documentPath, standardsDocument())
