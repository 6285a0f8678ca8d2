import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { en } from '../../views/catalogue/en.ts'
import { scopeText } from '../../views/scope.ts'
import type { Words } from '../../views/words.ts'
import { type Element, readMarkup } from './markup.ts'
import { type Sample, samplePages } from './samples.ts'

const asGiven = (plain: string) => plain
const friendly = samplePages({ text: asGiven, address: asGiven })
const titled = (samples: readonly Sample[]) =>
  samples.map((sample) => [`${sample.file}: ${sample.state}`, sample] as const)

const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>'\`&`

describe('with hostile texts', () => {
  const hostile = samplePages({ text: (plain) => plain + attack, address: (plain) => plain + attack })

  it.each(titled(hostile))('%s shows them as text', (_, { page }) => {
    const elements = readMarkup(page)
    expect(page).not.toMatch(/<script(?! src="\/assets\/(waiting|telegram-data)-1\.js" defer>)|<img src=x/)
    expect(page).toContain('&quot;&gt;&lt;script&gt;alert(1)')
    expect(
      elements.flatMap((element) => Object.keys(element.attributes)).filter((name) => name.startsWith('on')),
    ).toEqual([])
  })
})

describe('with addresses that must not be followed', () => {
  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    '//evil.example/',
    '/\\evil.example/',
    'http://evil.example/',
  ])('no page leads to %s', (address) => {
    for (const { page } of samplePages({ text: asGiven, address: () => address })) {
      const targets = addressesOf(readMarkup(page)).filter((target) => !isOurs(target))
      expect(targets).toEqual([])
    }
  })
})

describe('every page', () => {
  it('has a sample', () => {
    const files = readdirSync(new URL('../../views/', import.meta.url)).filter((name) => name.endsWith('.ts'))
    const pages = files.filter((name) => /^export function \w+Page\(/m.test(sourceOf(name)))
    expect(new Set(friendly.map((sample) => `${sample.file}.ts`))).toEqual(new Set(pages))
  })

  it.each(titled(friendly))('%s is one complete document with one heading', (_, { page }) => {
    const elements = readMarkup(page)
    expect(page.startsWith('<!doctype html>\n<html lang="en" dir="ltr">')).toBe(true)
    expect(named(elements, 'h1')).toHaveLength(1)
    expect(named(elements, 'main')).toHaveLength(1)
    expect(named(elements, 'title')[0]?.text).toMatch(/\S · Habitat$/)
    const metas = named(elements, 'meta').map(({ attributes }) => [attributes['name'], attributes['content']])
    expect(metas).toContainEqual(['color-scheme', 'light dark'])
    expect(metas).toContainEqual(['referrer', 'no-referrer'])
    expect(metas).toContainEqual(['robots', 'noindex'])
  })

  it.each(titled(friendly))('%s ties a label, its hint and its problem to every field', (_, { page }) => {
    const elements = readMarkup(page)
    const ids = elements.flatMap(({ attributes }) => attributes['id'] ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    for (const { attributes } of fieldsOf(elements)) {
      const label = named(elements, 'label').find((candidate) => candidate.attributes['for'] === attributes['id'])
      expect(label?.text).toMatch(/\S/)
      expect(attributes['autocomplete']).toMatch(/\S/)
    }
    for (const { attributes } of elements) {
      const references = `${attributes['aria-describedby'] ?? ''} ${attributes['aria-labelledby'] ?? ''}`.trim()
      for (const id of references.split(' ').filter((part) => part !== '')) expect(ids).toContain(id)
    }
  })

  it.each(titled(friendly))('%s posts every form by buttons with words', (_, { page }) => {
    const elements = readMarkup(page)
    for (const form of named(elements, 'form')) expect(form.attributes).toMatchObject({ method: 'post' })
    for (const button of named(elements, 'button')) expect(button.text).toMatch(/\S/)
    for (const button of named(elements, 'button').filter(({ attributes }) => attributes['aria-label'] !== undefined)) {
      // Those who speak to their computer say what they see (WCAG 2.5.3).
      expect(button.attributes['aria-label']?.startsWith(button.text)).toBe(true)
    }
  })

  it.each(titled(friendly))(
    '%s runs no script but ours where it has to, styles nothing in line and asks no other server',
    (_, { page }) => {
      const elements = readMarkup(page)
      const names = elements.flatMap(({ attributes }) => Object.keys(attributes))
      expect(
        elements.map(({ tag }) => tag).filter((tag) => ['style', 'iframe', 'object', 'base'].includes(tag)),
      ).toEqual([])
      const scripts = { waiting: 'data-events=', 'telegram-data': 'data-fragment=' }
      const wanted = Object.entries(scripts).filter(([, mark]) => page.includes(mark))
      expect(named(elements, 'script').map(({ attributes, text }) => [attributes['src'], text])).toEqual(
        wanted.map(([name]) => [`/assets/${name}-1.js`, '']),
      )
      expect(names.filter((name) => name === 'style' || name.startsWith('on'))).toEqual([])
      expect(
        addressesOf(elements).filter((target) => !isOurs(target) && !isTheClients(target) && !isOurBot(target)),
      ).toEqual([])
      expect(named(elements, 'link').map(({ attributes }) => attributes['href']?.slice(0, 18))).toEqual([
        'data:image/svg+xml',
        '/assets/style-1.cs',
      ])
    },
  )

  it('says nothing that is not in the catalogue', () => {
    const mute = muted(en) as Words
    for (const { page, file, state } of samplePages({ words: mute, text: () => '0', address: () => '/0' })) {
      const elements = readMarkup(page)
      const spoken = ['html', 'title'].map((tag) => named(elements, tag)[0]?.text).join(' ')
      const labels = elements.flatMap(({ attributes }) => [
        attributes['aria-label'],
        attributes['alt'],
        attributes['title'],
      ])
      expect(`${file} ${state}: ${/\p{L}+/u.exec(`${spoken} ${labels.join(' ')}`)?.[0]}`).toBe(
        `${file} ${state}: undefined`,
      )
    }
  })
})

describe('problems', () => {
  const problematic = friendly.filter(({ file, state }) => file === 'step' && !/first|bare/.test(state))

  it.each(titled(problematic))('%s is announced, in the title first', (_, { page }) => {
    const elements = readMarkup(page)
    const alerts = elements.filter(({ attributes }) => attributes['role'] === 'alert')
    expect(alerts.map(({ text }) => text)).toEqual([expect.stringContaining('Please wait 2 minutes, then try again.')])
    expect(named(elements, 'title')[0]?.text).toMatch(/^Problem: /)
  })

  it.each([
    ['sign-in wrong-credentials', ['email', 'password']],
    ['sign-in too-many-tries', []],
    ['register email-unavailable', ['email']],
    ['register password-too-short', ['password']],
    ['second-factor wrong-code', ['code']],
  ])('%s marks the fields %j', (state, expected) => {
    const fields = fieldsOf(readMarkup(sample('step', state).page))
    const invalid = fields.filter(({ attributes }) => attributes['aria-invalid'] === 'true')
    expect(invalid.map(({ attributes }) => attributes['name'])).toEqual(expected)
    for (const { attributes } of invalid) expect(attributes['aria-describedby']).toMatch(/^problem\b/)
  })
})

describe('fixed names, which are an interface', () => {
  it.each([
    ['step', 'sign-in first', { email: 'username', password: 'current-password' }],
    ['step', 'register first', { name: 'name', email: 'username', password: 'new-password' }],
    ['step', 'second-factor first', { code: 'one-time-code' }],
    ['newcomer', 'full', { name: 'name' }],
    ['device-code', 'first', { user_code: 'off' }],
    ['second-factor-enrol', 'first', { code: 'one-time-code' }],
    ['password-change', 'first', { current_password: 'current-password', password: 'new-password' }],
  ])('%s, %s: fields and what password managers fill in', (file, state, expected) => {
    const fields = fieldsOf(readMarkup(sample(file, state).page)).map(({ attributes }) => attributes)
    expect(Object.fromEntries(fields.map((field) => [field['name'], field['autocomplete']]))).toEqual(expected)
  })

  it('calls the fields Email and Password and signs in by the first button, which the Enter key presses', () => {
    const elements = readMarkup(sample('step', 'sign-in first').page)
    expect(named(elements, 'label').map(({ text }) => text)).toEqual(['Email', 'Password'])
    expect(named(elements, 'button')[0]).toMatchObject({ text: 'Sign in' })
    expect(named(elements, 'button')[0]?.attributes).not.toHaveProperty('name')
  })

  it('never puts a password or a code back into the page', () => {
    for (const { page } of friendly) {
      for (const { attributes } of fieldsOf(readMarkup(page))) {
        if (attributes['type'] === 'password' || attributes['name'] === 'code')
          expect(attributes).not.toHaveProperty('value')
      }
    }
  })

  it('asks for consent with Allow and Deny, side by side in one form', () => {
    const elements = readMarkup(sample('consent', 'full').page)
    const decisions = named(elements, 'button').filter(({ attributes }) => attributes['name'] === 'decision')
    expect(decisions.map(({ text, attributes }) => [text, attributes['value']])).toEqual([
      ['Allow', 'allow'],
      ['Deny', 'deny'],
    ])
    expect(named(elements, 'form').map(({ text }) => text)).toContain('Allow Deny')
  })

  it('confirms a device with two buttons, side by side in one form, with the code to be compared above', () => {
    const elements = readMarkup(sample('device-confirm', 'full').page)
    const decisions = named(elements, 'button').filter(({ attributes }) => attributes['name'] === 'decision')
    expect(decisions.map(({ text, attributes }) => [text, attributes['value']])).toEqual([
      ['This is my device', 'allow'],
      ['This was not me', 'deny'],
    ])
    expect(elements.find(({ attributes }) => attributes['class'] === 'user-code')?.text).toContain('BCDF-GHJK')
  })

  it('signs out by buttons that belong to the library’s form', () => {
    const buttons = named(readMarkup(sample('logout', 'ask').page), 'button').map(({ text, attributes }) => [
      text,
      attributes['form'],
      attributes['name'],
      attributes['value'],
    ])
    expect(buttons).toEqual([
      ['Sign out', 'op.logoutForm', 'logout', 'yes'],
      ['Stay signed in', 'op.logoutForm', undefined, undefined],
    ])
  })
})

describe('consent', () => {
  it('names the app, the host it returns to, each scope in plain words and unknown scopes by their own name', () => {
    const text = named(readMarkup(sample('consent', 'full').page), 'main')[0]?.text ?? ''
    for (const expected of [
      'Example',
      'You will return to app.example',
      'Know who you are',
      'odd:scope',
      'Look',
      'Keep access when you are away',
    ]) {
      expect(text).toContain(expected)
    }
  })

  it('does not mistake a scope for something every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString']) expect(scopeText(en, { name }).markup).toContain(name)
  })

  it('keeps our own words for the standard scopes, whatever a resource says', () => {
    expect(scopeText(en, { name: 'email', description: 'Nothing at all' }).markup).toBe('See your email address')
  })
})

describe('the stylesheet', () => {
  it('asks for nothing else and knows every class', () => {
    const css = sourceOf('style.css')
    expect(css).not.toMatch(/url\(|@import/)
    const classes = friendly.flatMap(({ page }) =>
      readMarkup(page).flatMap(({ attributes }) => attributes['class']?.split(' ') ?? []),
    )
    for (const name of new Set(classes)) expect(css, name).toMatch(new RegExp(`\\.${name}\\b`))
  })
})

function sample(file: string, state: string): Sample {
  const found = friendly.find((candidate) => candidate.file === file && candidate.state === state)
  if (found === undefined) throw new Error(`No sample ${file}: ${state}`)
  return found
}

function sourceOf(name: string): string {
  return readFileSync(new URL(`../../views/${name}`, import.meta.url), 'utf8')
}

function named(elements: readonly Element[], tag: string): readonly Element[] {
  return elements.filter((element) => element.tag === tag)
}

function fieldsOf(elements: readonly Element[]): readonly Element[] {
  return named(elements, 'input').filter(
    ({ attributes }) => attributes['type'] !== 'hidden' && !('hidden' in attributes),
  )
}

function addressesOf(elements: readonly Element[]): readonly string[] {
  return elements.flatMap(({ attributes }) =>
    ['href', 'src', 'action', 'formaction'].flatMap((name) => attributes[name] ?? []),
  )
}

function isOurs(target: string): boolean {
  return /^\/(?![/\\])/.test(target) || target.startsWith('data:image/svg+xml,%3Csvg')
}

function isOurBot(target: string): boolean {
  return target.startsWith('https://t.me/habitat_bot?start=')
}

function isTheClients(target: string): boolean {
  return target.startsWith('https://client.example/')
}

/** The catalogue with a sign in place of every text. */
function muted(words: unknown): unknown {
  if (typeof words === 'string') return words === 'ltr' ? words : '¤'
  if (typeof words === 'function') return () => '¤'
  return Object.fromEntries(Object.entries(words as object).map(([key, value]) => [key, muted(value)]))
}
