import { describe, expect, it } from 'vitest'
import { attributes, html, safeUrl, targetUrl, trusted } from '../../views/html.ts'
import { plainText } from '../../views/plain-text.ts'

describe('html', () => {
  it('escapes text', () => {
    expect(html`<p>${'<script>alert(1)</script>'}</p>`.markup).toBe('<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>')
  })

  it('escapes what could end an attribute value', () => {
    const attack = `" onfocus="alert(1)' x='\``
    expect(html`<input value="${attack}">`.markup).toBe(
      '<input value="&quot; onfocus=&quot;alert(1)&#39; x=&#39;&#96;">',
    )
    expect(attributes({ value: attack }).markup).toBe(' value="&quot; onfocus=&quot;alert(1)&#39; x=&#39;&#96;"')
  })

  it('escapes an ampersand once, so that text that looks escaped stays what it was', () => {
    expect(html`${'&lt;b&gt;'}`.markup).toBe('&amp;lt;b&amp;gt;')
  })

  it('gives back as plain text what it was given, without the tags around it', () => {
    const text = `a < b && "c" > 'd' \`e\` &lt; &amp;amp;`
    expect(plainText(html`<p><code><bdi>${text}</bdi></code>, and <em>more</em></p>`)).toBe(`${text}, and more`)
  })

  it('inserts markup and lists of markup as they are', () => {
    const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`)
    expect(html`<ul>${items}</ul>${trusted('<svg></svg>')}`.markup).toBe(
      '<ul><li>a</li><li>&lt;b&gt;</li></ul><svg></svg>',
    )
  })

  it('escapes plain text inside a list', () => {
    expect(html`${['<i>', ['<u>']]}`.markup).toBe('&lt;i&gt;&lt;u&gt;')
  })

  it('renders nothing for undefined, null and false, and zero as zero', () => {
    expect(html`[${undefined}${null}${false}${0}]`.markup).toBe('[0]')
  })

  it('does not take an object from JSON for markup', () => {
    const forged = JSON.parse('{"markup":"<script></script>","brand":true}')
    expect(() => html`${forged}`).toThrow()
  })

  it('leaves out attributes that are not there and writes bare ones bare', () => {
    expect(attributes({ a: undefined, b: false, c: true, d: 3, e: '' }).markup).toBe(' c d="3" e=""')
  })
})

describe('safeUrl', () => {
  it.each([
    ['https://client.example/policy?a=1#b', 'https://client.example/policy?a=1#b'],
    ['https://client.example', 'https://client.example/'],
    ['http://localhost:8080/', 'http://localhost:8080/'],
    ['http://127.0.0.1:8080/a', 'http://127.0.0.1:8080/a'],
    ['http://[::1]/a', 'http://[::1]/a'],
  ])('lets %s through', (given, expected) => {
    expect(safeUrl(given)).toBe(expected)
  })

  it.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'data:image/svg+xml,<svg/>',
    'vbscript:x',
    'blob:https://client.example/1',
    'file:///etc/passwd',
    'http://client.example/',
    'http://localhost.evil.example/',
    'https://habitat.example@evil.example/',
    '/relative',
    '//evil.example',
    '',
  ])('refuses %j', (given) => {
    expect(safeUrl(given)).toBeUndefined()
  })
})

describe('targetUrl', () => {
  it.each(['/', '/account', '/authorize?client_id=a&x=%2F%2F', 'https://auth.example/account'])(
    'leads to %s',
    (given) => {
      expect(targetUrl(given)).toBe(given)
    },
  )

  it.each(['//evil.example', '/\\evil.example', '/\t/evil.example', '/a\\b', 'javascript:alert(1)', 'account', ''])(
    'does not lead to %j',
    (given) => {
      expect(targetUrl(given)).toBeUndefined()
    },
  )
})
