/** An app's own server with its logo: https on this machine, for the name `logo.example` that resolves to nowhere. */
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface PictureServer extends AsyncDisposable {
  readonly address: string
  /** Connections that were opened to it. */
  readonly connections: () => number
}

export async function pictureServer(listener: RequestListener): Promise<PictureServer> {
  const server = createServer({ key, cert: pictureCertificate }, listener)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `https://logo.example:${(server.address() as AddressInfo).port}/logo.png`,
    connections: () => connections,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

// Made for this file, worth nothing anywhere else.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcGw+zRMFXUrjcxrT
hLVy1pbPpErQLGsXZNVA3JOqa+ShRANCAARTYl8G4g5mu841Gfn+Yy4jappQzf4G
yPg6f04riQ70/Zsn9qQfPBIk+p/Zl2O3vHbbP/w6W0QcUsydSEciWDOf
-----END PRIVATE KEY-----`

/** The server's certificate, which signed itself. */
export const pictureCertificate = `-----BEGIN CERTIFICATE-----
MIIBnjCCAUSgAwIBAgIUJ8zas7bXOoYzNWQBCge8fNdje4kwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMbG9nby5leGFtcGxlMCAXDTI2MTEyMTEwNDMyMVoYDzIxMjYx
MDI4MTA0MzIxWjAXMRUwEwYDVQQDDAxsb2dvLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAARTYl8G4g5mu841Gfn+Yy4jappQzf4GyPg6f04riQ70/Zsn
9qQfPBIk+p/Zl2O3vHbbP/w6W0QcUsydSEciWDOfo2wwajAdBgNVHQ4EFgQUZIF+
ItiOWAwBGfjhLL+Go0D0RUUwHwYDVR0jBBgwFoAUZIF+ItiOWAwBGfjhLL+Go0D0
RUUwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxsb2dvLmV4YW1wbGUwCgYI
KoZIzj0EAwIDSAAwRQIgNzON0t099JA2eDoHblF/6gdwnkU93riph1hI1iVdmYAC
IQDZQap7mJUx9QKofzg1Zn4AXLdaaTiGXMnIg28bRRRi+Q==
-----END CERTIFICATE-----`
