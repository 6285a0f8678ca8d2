import { describe, expect, test } from 'vitest'
import { profiles } from '../../../server/oidc/profiles.ts'
import { redirectUriProblem, redirectUrisProblem } from '../../../server/oidc/redirect-uris.ts'

const { web, spa, native, mcp } = profiles

describe('a redirect URI of a web client is refused with', () => {
  test.each([
    ['', 'empty'],
    [`https://app.example/${'x'.repeat(2000)}`, '2000 characters'],
    ['https://app.example/cb#', 'fragment'],
    ['https://app.example/cb#top', 'fragment'],
    ['https://*.example/cb', 'wildcard'],
    ['https://app.example/*', 'wildcard'],
    ['https://alice@app.example/cb', 'user name'],
    ['https://:secret@app.example/cb', 'user name'],
    ['https://@app.example/cb', 'user name'],
    ['http://app.example/cb', 'http'],
    ['http://localhost.example/cb', 'http'],
    ['http://127.0.0.1.example/cb', 'http'],
    ['http://127.0.0.2/cb', 'http'],
    ['http://0.0.0.0/cb', 'http'],
    ['http://192.168.1.10/cb', 'http'],
    ['javascript:alert(1)', 'scheme'],
    ['JavaScript:alert(1)', 'scheme'],
    ['data:text/html,hello', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['com.example.app:/cb', 'native'],
    ['/cb', 'absolute'],
    ['app.example/cb', 'absolute'],
    ['//app.example/cb', 'absolute'],
    ['https://', 'absolute'],
    ['https://app.example/a b', 'space'],
    [' https://app.example/cb', 'space'],
    ['https://app.example/\tcb', 'control'],
    ['https://app.example/\ncb', 'control'],
    ['https://app.example/\u0000', 'control'],
    ['https://app.example\\@evil.example/', 'backslash'],
    ['https://äpp.example/cb', 'ASCII'],
    ['https://app.example/../cb', 'Write it as https://app.example/cb'],
    ['https://app.example/a/%2e%2e/cb', 'Write it as https://app.example/cb'],
    ['https://APP.example/cb', 'Write it as https://app.example/cb'],
    ['https://app.example:443/cb', 'Write it as https://app.example/cb'],
    ['https:app.example/cb', 'Write it as https://app.example/cb'],
    ['http://2130706433/cb', 'Write it as http://127.0.0.1/cb'],
  ])('%j', (uri, reason) => {
    expect(redirectUriProblem(uri, web)).toContain(reason)
  })
})

test.each([
  'https://app.example/cb',
  'https://app.example',
  'https://app.example/',
  'https://app.example:8443/cb?tenant=one',
  'https://xn--pp-xia.example/cb',
  'http://localhost:4000/cb',
  'http://127.0.0.1:4000/cb',
  'http://[::1]:4000/cb',
])('a web client may register %s', (uri) => {
  expect(redirectUriProblem(uri, web)).toBeUndefined()
  expect(redirectUriProblem(uri, spa)).toBeUndefined()
})

test.each([
  'com.example.app:/cb',
  'com.example.app://cb',
  'http://127.0.0.1/cb',
  'http://[::1]:9/cb',
  'https://app.example/cb',
])('a native client may register %s (RFC 8252 §7)', (uri) => {
  expect(redirectUriProblem(uri, native)).toBeUndefined()
})

test.each([
  ['myapp:/cb', 'in reverse'],
  ['myapp://cb', 'in reverse'],
  ['javascript:alert(1)', 'scheme'],
  ['vbscript:x', 'scheme'],
  ['http://app.example/cb', 'http'],
  ['com.example.app:/cb#x', 'fragment'],
  ['com.example.app://alice@host/cb', 'user name'],
])('a native client may not register %s', (uri, reason) => {
  expect(redirectUriProblem(uri, native)).toContain(reason)
})

test('a client of MCP servers has https and loopback addresses, side by side, and no scheme of its own', () => {
  const both = ['https://assistant.example/callback', 'http://127.0.0.1/callback', 'http://localhost:33418/callback']
  for (const uri of both) expect(redirectUriProblem(uri, mcp)).toBeUndefined()
  expect(redirectUrisProblem(both, mcp)).toBeUndefined()
  expect(redirectUriProblem('com.example.app:/cb', mcp)).toContain('http on 127.0.0.1')
  expect(redirectUriProblem('http://assistant.example/cb', mcp)).toContain('http')
})

test('an app that people use and its copy in development are two clients', () => {
  const both = ['https://app.example/cb', 'http://localhost:4000/cb']
  expect(redirectUrisProblem(both, web)).toContain('development')
  expect(redirectUrisProblem(['http://localhost:4000/cb', 'http://127.0.0.1:4000/cb'], web)).toBeUndefined()
  expect(redirectUrisProblem(both, native)).toBeUndefined()
})

test('a single-page app has one origin', () => {
  expect(redirectUrisProblem(['https://a.example/cb', 'https://b.example/cb'], spa)).toContain('one origin')
  expect(redirectUrisProblem(['https://a.example/cb', 'https://a.example:444/cb'], spa)).toContain('one origin')
  expect(redirectUrisProblem(['https://a.example/cb', 'https://a.example/silent'], spa)).toBeUndefined()
  expect(redirectUrisProblem(['https://a.example/cb', 'https://b.example/cb'], web)).toBeUndefined()
})
