/** Bodies, headers, command lines, settings and pages: whatever stands in them is read as data, or refused in words. */
import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect } from 'vitest'
import { readUpdate } from '../../adapters/telegram/updates.ts'
import { headersForApp } from '../../server/atproto/relay-headers.ts'
import { parse } from '../../server/commands/parse.ts'
import { commands } from '../../server/commands/run.ts'
import { ConfigError, readConfig, settings } from '../../server/config.ts'
import { programOf } from '../../server/device/user-agent.ts'
import { singleValues } from '../../server/forms.ts'
import { readFlatJson } from '../../server/oidc/flat-json.ts'
import { decodeLogo } from '../../server/oidc/logo.ts'
import { readOidcProviders } from '../../server/oidc-providers-config.ts'
import { PageRefusal } from '../../server/page-refusal.ts'
import { requestInfo } from '../../server/request-info.ts'
import { attributes, html, safeUrl, targetUrl } from '../../views/html.ts'
import { acceptedRanges, chooseLanguage } from '../../views/words.ts'
import { always, hostileJson, hostileText, near } from '../support/properties.ts'

describe('a JSON object of strings', () => {
  always(
    'is read as JSON.parse reads it, or not at all (RFC 8259 §4)',
    fc.oneof(hostileText, near('{"code":"x","client_id":"y"}')),
    (text) => {
      const read = readFlatJson(Buffer.from(text))
      if (read === undefined) return
      expect(Object.fromEntries(read)).toEqual(JSON.parse(text.toWellFormed().replace(/^\ufeff/, '')))
    },
  )

  always('is read whole', fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }), (object) => {
    const expected = Object.hasOwn(object, '__proto__') ? undefined : new Map(Object.entries(object))
    expect(readFlatJson(Buffer.from(JSON.stringify(object)))).toEqual(expected)
  })

  always('is not read from other bytes', fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const read = readFlatJson(bytes)
    if (read !== undefined) expect(Object.fromEntries(read)).toEqual(JSON.parse(Buffer.from(bytes).toString()))
  })
})

always(
  'a form has each name once, or is refused',
  fc.array(fc.tuple(fc.constantFrom('a', 'b', 'a[]'), hostileText)),
  (pairs) => {
    const params = new URLSearchParams(pairs)
    if (new Set(pairs.map(([name]) => name)).size === pairs.length) expect(singleValues(params)).toBe(params)
    else expect(() => singleValues(params)).toThrow(PageRefusal)
  },
)

describe('headers', () => {
  const header = fc.oneof(hostileText, near('203.0.113.9, 10.0.0.7'), near('::ffff:203.0.113.9'))

  always(
    'of a stranger say nothing of where a request comes from',
    fc.tuple(header, header, header),
    ([chain, host, country]) => {
      const info = requestInfo(request('203.0.113.5', chain, host, country), {
        trusted: ['10.0.0.0/8'],
        countryHeader: 'cf',
      })
      expect([info.address, info.host, info.country]).toEqual(['203.0.113.5', 'own.example', undefined])
    },
  )

  always(
    'of a proxy of ours name an address in one form',
    fc.tuple(header, header, header),
    ([chain, host, country]) => {
      const info = requestInfo(request('::ffff:10.1.2.3', chain, host, country), {
        trusted: ['10.0.0.0/8'],
        countryHeader: 'cf',
      })
      expect(ipaddr.process(info.address).toString()).toBe(info.address)
      expect(info.country ?? 'KZ').toMatch(/^[A-Z]{2}$/)
    },
  )

  always(
    'about languages choose among those that there are',
    fc.tuple(hostileText, hostileText),
    ([locales, accepted]) => {
      expect(chooseLanguage(locales, accepted)).toBe('en')
      for (const range of acceptedRanges(accepted)) expect(range).toMatch(/^[\w-]+$/)
    },
  )

  always(
    'about programs are shortened to a name',
    fc.oneof(hostileText, near('Mozilla/5.0 (X11; Linux) Chrome/1')),
    (text) => {
      const { name = '', system = '' } = programOf(text) ?? {}
      expect(name + system).toMatch(/^[A-Za-z0-9 ._-]{0,60}$/)
    },
  )

  always('of a PDS make nothing run in our origin', fc.tuple(hostileText, hostileText), ([type, disposition]) => {
    const given = [
      ['content-type', type],
      ['content-disposition', disposition],
    ] as const
    const headers = new Headers()
    for (const [name, value] of given) if (/^[\x20-\x7e]+$/.test(value)) headers.set(name, value)
    const answer = headersForApp(headers)
    expect(answer['content-security-policy']).toBe("default-src 'none'; sandbox")
    for (const value of Object.values(answer)) expect(value).not.toMatch(/[\r\n\0]/)
    if (!/^application\/json *(;|$)/i.test(answer['content-type'] ?? '')) {
      expect(answer['content-disposition']).toMatch(/^attachment/)
    }
  })

  function request(peer: string, chain: string, host: string, country: string): IncomingMessage {
    const headers = { host: 'own.example', 'x-forwarded-for': chain, 'x-forwarded-host': host, cf: country }
    return { headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage
  }
})

describe('a command line', () => {
  const names = commands.flatMap(({ name }) => name.split(' '))
  const options = commands.flatMap((command) => Object.keys(command.options ?? {})).map((name) => `--${name}`)
  const word = fc.oneof(
    hostileText,
    fc.constantFrom(...names),
    fc.constantFrom(...options),
    fc.constantFrom('--', '-h', '--json', '--__proto__'),
  )

  always(
    'is a command, help, or a sentence that says what is wrong',
    fc.array(word, { maxLength: 8 }),
    (argv) => {
      const read = parse(commands, argv)
      if (read.kind === 'wrong') expect(read.message).toMatch(/^[^\p{Cc}\u2028\u2029\u202e]+(\n[^\p{Cc}]+)*$/u)
      if (read.kind === 'run') for (const option of Object.keys(read.command.options ?? {})) read.input.text(option)
    },
    { runs: 3000 },
  )
})

describe('settings', () => {
  const values = fc.dictionary(
    fc.constantFrom(...Object.keys(settings)),
    fc.oneof(hostileText, near('https://auth.example')),
    { noNullPrototype: true },
  )

  always('are usable, or each problem is a sentence', values, (env) => {
    try {
      expect(readConfig(env).issuer).toMatch(/^https?:\/\/[^/?#@]+$/)
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      for (const problem of (error as ConfigError).problems) expect(problem).toMatch(/\w.*[.)]$/s)
    }
  })

  always(
    'about other issuers repeat nothing that may be a secret',
    fc.oneof(
      hostileText,
      hostileJson.map((json) => JSON.stringify([json]) ?? ''),
    ),
    (text) => {
      const problems: string[] = []
      const issuer = 'https://auth.example'
      const read = readOidcProviders(text, { issuer, readFile: () => 'no file' }, problems)
      expect(Array.isArray(read)).toBe(true)
    },
  )
})

describe('a page', () => {
  always('shows text as text', fc.tuple(hostileText, hostileText), ([text, value]) => {
    const { markup } = html`<p ${attributes({ title: value })}>${text}</p>`
    expect(markup.match(/</g)).toHaveLength(2)
    expect(markup.match(/"/g)).toHaveLength(2)
  })

  always(
    'leads to this server, or to an https address without a user',
    fc.oneof(hostileText, near('/account?x=1'), near('https://app.example/')),
    (text) => {
      const target = targetUrl(text)
      if (target === undefined) return
      const url = new URL(target, 'https://own.example/page')
      if (target.startsWith('/')) expect(url.origin).toBe('https://own.example')
      else expect(target).toBe(safeUrl(text))
      expect(url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)).toBe(true)
      expect(url.username + url.password).toBe('')
    },
  )

  always(
    'shows no picture but of four kinds',
    fc.oneof(hostileText, near('data:image/png;base64,iVBORw0KGgo=')),
    (text) => {
      expect(decodeLogo(text)?.type ?? 'image/png').toMatch(/^image\/(png|jpeg|webp|gif)$/)
    },
  )
})

const chat = fc.record({ id: fc.integer(), type: fc.constantFrom('private', 'group', 'channel') })
const from = fc.record({ id: fc.nat(), is_bot: fc.boolean(), first_name: hostileText })
const text = fc.oneof(hostileText, near('/start q123'), near('/connect@bot'))
always(
  'a message to the bot is read by its kind, and nothing in a group is an answer',
  fc.record({ message_id: fc.nat(), date: fc.nat(), chat, from, text }),
  (message) => {
    const read = readUpdate({ update_id: 1, message } as never, 'bot')
    if (read.kind !== 'incoming') return
    expect(message.chat.type).toBe('private')
    expect(read.incoming.person.id).toBe(String(message.from.id))
  },
)
