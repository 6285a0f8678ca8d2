import { expect, test } from 'vitest'
import { decodeLogo, encodeLogo, maximumLogoSize } from '../../../server/oidc/logo.ts'
import { gif, hostile, jpeg, png, webp } from '../../support/pictures.ts'

test.each([
  ['image/png', png()],
  ['image/jpeg', jpeg],
  ['image/webp', webp],
  ['image/gif', gif],
])('a picture is stored with the type that its bytes say: %s', (type, bytes) => {
  const stored = encodeLogo(bytes)
  expect(stored).toMatch(new RegExp(`^data:${type};base64,`))
  expect(decodeLogo(stored)).toEqual({ type, bytes })
})

test.each(hostile)('%s is refused', (_, bytes) => {
  expect(() => encodeLogo(bytes)).toThrow(/no picture|markup/)
  for (const type of ['png', 'jpeg', 'webp', 'gif', 'svg+xml']) {
    expect(decodeLogo(`data:image/${type};base64,${bytes.toString('base64')}`)).toBeUndefined()
  }
})

test('a picture has a size: 64 KiB and no more, and not nothing', () => {
  const most = Buffer.concat([png(), Buffer.alloc(maximumLogoSize)]).subarray(0, maximumLogoSize)
  expect(decodeLogo(encodeLogo(most))?.bytes.length).toBe(65_536)
  const more = Buffer.concat([most, Buffer.alloc(1)])
  expect(() => encodeLogo(more)).toThrow('64 KiB')
  expect(decodeLogo(`data:image/png;base64,${more.toString('base64')}`)).toBeUndefined()
  expect(() => encodeLogo(Buffer.alloc(0))).toThrow('empty')
})

test.each([
  ['an address', 'https://app.example/logo.png'],
  ['another type than the bytes say', `data:image/gif;base64,${png().toString('base64')}`],
  ['what is no base64', `data:image/png;base64,${png().toString('base64').slice(0, 40)}<script>`],
  ['two lines', `${encodeLogo(png())}\n`],
  ['parameters', encodeLogo(png()).replace(';', ';charset=x;')],
  ['no text', 7],
  ['nothing', undefined],
])('%s is no stored picture', (_, value) => {
  expect(decodeLogo(value)).toBeUndefined()
})
