import { describe, expect, it } from 'vitest'
import { acceptedRanges, chooseLanguage, lookUp, wordsIn } from '../../views/words.ts'

const available = ['en', 'de', 'zh-Hant', 'pt-BR'] as const

describe('lookUp (RFC 4647 §3.4)', () => {
  it.each([
    [['de-CH-1996'], 'de'],
    [['DE'], 'de'],
    [['fr', 'de'], 'de'],
    [['zh-Hant-CN-x-private1'], 'zh-Hant'],
    [['zh-Hant-x'], 'zh-Hant'],
    [['pt-br'], 'pt-BR'],
    [['pt'], undefined],
    [['*'], undefined],
    [[], undefined],
  ])('%j finds %s', (ranges, expected) => {
    expect(lookUp(ranges, available)).toBe(expected)
  })

  it('drops a single letter together with what it introduced', () => {
    expect(lookUp(['de-x-en'], ['de-x', 'de'])).toBe('de')
  })
})

describe('acceptedRanges (RFC 9110 §12.5.4)', () => {
  it('orders by weight and keeps the order of equals', () => {
    expect(acceptedRanges('fr;q=0.5, de, en;q=0.8, nl')).toEqual(['de', 'nl', 'en', 'fr'])
  })

  it('leaves out what is not wanted and what cannot be read', () => {
    expect(acceptedRanges('de;q=0, en;q=abc, fr;q=1.5, <script>, ;q=1, nl ; q=0.3')).toEqual(['nl'])
  })

  it('looks at the beginning of a hostile header only, in no time', () => {
    const started = performance.now()
    expect(acceptedRanges(`${'a-'.repeat(500_000)};q=`).length).toBe(0)
    expect(acceptedRanges('en,'.repeat(500_000)).length).toBeLessThanOrEqual(50)
    expect(performance.now() - started).toBeLessThan(200)
  })
})

describe('chooseLanguage', () => {
  it.each([
    [undefined, undefined],
    ['en-GB', undefined],
    ['xx yy', 'zz'],
    ['__proto__ constructor', 'toString'],
    ['\u0000"><script>', '\u0000"><script>'],
  ])('answers ui_locales %j and Accept-Language %j with a language that has words', (uiLocales, acceptLanguage) => {
    expect(wordsIn(chooseLanguage(uiLocales, acceptLanguage)).email).toBe('Email')
  })
})
