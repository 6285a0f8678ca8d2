import { expect, test } from 'vitest'
import { type DownloadOptions, downloadPicture } from '../../server/commands/picture-download.ts'
import { encodeLogo } from '../../server/oidc/logo.ts'
import { pictureCertificate, pictureServer } from '../support/picture-server.ts'
import { hostile, png } from '../support/pictures.ts'

const here = { address: '127.0.0.1', family: 4 }

function options(more: Partial<DownloadOptions> = {}): DownloadOptions {
  return { allowPrivate: true, authority: pictureCertificate, resolve: async () => [here], ...more }
}

test('the picture at the address is answered as it is stored, whatever type the server claims', async () => {
  await using server = await pictureServer((_, response) => {
    response.setHeader('content-type', 'text/html').end(png())
  })
  expect(await downloadPicture(server.address, options())).toBe(encodeLogo(png()))
})

test('a name is resolved once, and what was judged is what is connected to', async () => {
  await using server = await pictureServer((_, response) => void response.end(png()))
  let asked = 0
  const resolve = async () => {
    asked += 1
    return asked === 1 ? [here] : [{ address: '192.0.2.1', family: 4 }]
  }
  await downloadPicture(server.address, options({ resolve }))
  expect(asked).toBe(1)
})

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '224.0.0.1',
  '::1',
  '::',
  'fe80::1',
  'fd00::1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
])('nothing is fetched from %s, by name or by number, nor from a name that has it among others', async (address) => {
  await using server = await pictureServer((_, response) => void response.end(png()))
  const found = { address, family: address.includes(':') ? 6 : 4 }
  const outside = { address: '93.184.215.14', family: 4 }
  const strict = (resolve: DownloadOptions['resolve']) => options({ allowPrivate: false, ...(resolve && { resolve }) })
  const refused = 'not on the public internet'
  await expect(
    downloadPicture(
      server.address,
      strict(async () => [found]),
    ),
  ).rejects.toThrow(refused)
  await expect(
    downloadPicture(
      server.address,
      strict(async () => [outside, found]),
    ),
  ).rejects.toThrow(refused)
  const literal = server.address.replace('logo.example', address.includes(':') ? `[${address}]` : address)
  await expect(
    downloadPicture(
      literal,
      strict(async () => [outside]),
    ),
  ).rejects.toThrow(refused)
  expect(server.connections()).toBe(0)
})

test.each(['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1'])(
  'the link-local address %s is closed to a server under development, too',
  async (address) => {
    const resolve = async () => [{ address, family: 4 }]
    await expect(downloadPicture('https://logo.example/', options({ resolve }))).rejects.toThrow('public internet')
  },
)

test('numbers in odd notations are the addresses that they mean', async () => {
  for (const host of ['2130706433', '0x7f.1', '017700000001', '127.1']) {
    const strict = options({ allowPrivate: false, resolve: async () => [{ address: '93.184.215.14', family: 4 }] })
    await expect(downloadPicture(`https://${host}/`, strict), host).rejects.toThrow('public internet')
  }
})

test('a redirect is not followed', async () => {
  await using target = await pictureServer((_, response) => void response.end(png()))
  await using server = await pictureServer((_, response) => {
    response.writeHead(302, { location: target.address }).end()
  })
  await expect(downloadPicture(server.address, options())).rejects.toThrow('redirects')
  expect(target.connections()).toBe(0)
})

test.each(hostile)('%s is refused', async (_, bytes) => {
  await using server = await pictureServer((_request, response) => {
    response.setHeader('content-type', 'image/png').end(bytes)
  })
  await expect(downloadPicture(server.address, options())).rejects.toMatchObject({ name: 'Refusal' })
})

test('what is too large, and what has no end, is left off', async () => {
  await using server = await pictureServer((_, response) => {
    const more = () => void response.write(Buffer.alloc(16_384), () => response.destroyed || more())
    response.write(png(), more)
  })
  await expect(downloadPicture(server.address, options())).rejects.toThrow('64 KiB')
})

test('a server that does not answer is not waited for', async () => {
  await using server = await pictureServer(() => undefined)
  await expect(downloadPicture(server.address, options({ patience: 200 }))).rejects.toThrow('did not answer')
  const never = () => new Promise<never>(() => undefined)
  await expect(downloadPicture(server.address, options({ patience: 20, resolve: never }))).rejects.toThrow(
    'did not answer',
  )
})

test('a certificate that nobody vouches for, a status of failure and http are refused', async () => {
  await using server = await pictureServer((_, response) => void response.writeHead(404).end(png()))
  const { authority: _, ...untrusting } = options()
  await expect(downloadPicture(server.address, untrusting)).rejects.toThrow('SELF_SIGNED')
  await expect(downloadPicture(server.address, options())).rejects.toThrow('404')
  await expect(downloadPicture(server.address.replace('https', 'http'), options())).rejects.toThrow('https')
  await expect(downloadPicture('file:///etc/passwd', options())).rejects.toThrow('https')
})
