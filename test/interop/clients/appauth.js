/**
 * An app on a computer as the example of AppAuth for Node has it: it opens a browser and listens on loopback for the answer.
 * Says in one line what it got, with the token that it renewed, and takes that back.
 */
import {
  AuthorizationNotifier,
  AuthorizationRequest,
  AuthorizationServiceConfiguration,
  BaseTokenRequestHandler,
  GRANT_TYPE_AUTHORIZATION_CODE,
  GRANT_TYPE_REFRESH_TOKEN,
  RevokeTokenRequest,
  setFlag,
  TokenRequest,
} from '@openid/appauth'
import { NodeBasedHandler, NodeCrypto, NodeRequestor } from '@openid/appauth/built/src/node_support/index.js'

const { ISSUER, CLIENT_ID: client_id, PORT } = process.env

// It would write down codes and tokens.
setFlag('IS_LOG', false)

const redirect_uri = `http://127.0.0.1:${PORT}/callback`
const requestor = new NodeRequestor()
const configuration = await AuthorizationServiceConfiguration.fetchFromIssuer(ISSUER, requestor)
const tokens = new BaseTokenRequestHandler(requestor)

const notifier = new AuthorizationNotifier()
const handler = new NodeBasedHandler(Number(PORT))
handler.setAuthorizationNotifier(notifier)
notifier.setAuthorizationListener((request, response, error) => {
  if (response === null) throw new Error(error?.error)
  void answered(request, response)
})

async function answered(request, response) {
  const first = await tokens.performTokenRequest(
    configuration,
    new TokenRequest({
      client_id,
      redirect_uri,
      grant_type: GRANT_TYPE_AUTHORIZATION_CODE,
      code: response.code,
      extras: { code_verifier: request.internal.code_verifier },
    }),
  )
  const { accessToken, refreshToken } = await tokens.performTokenRequest(
    configuration,
    new TokenRequest({
      client_id,
      redirect_uri,
      grant_type: GRANT_TYPE_REFRESH_TOKEN,
      refresh_token: first.refreshToken,
    }),
  )
  const userInfo = () => fetch(configuration.userInfoEndpoint, { headers: { authorization: `Bearer ${accessToken}` } })
  const person = await (await userInfo()).json()
  await tokens.performRevokeTokenRequest(configuration, new RevokeTokenRequest({ client_id, token: refreshToken }))
  console.log(JSON.stringify({ ...person, afterwards: (await userInfo()).status }))
}

const request = new AuthorizationRequest(
  {
    client_id,
    redirect_uri,
    scope: 'openid email offline_access',
    response_type: AuthorizationRequest.RESPONSE_TYPE_CODE,
  },
  new NodeCrypto(),
)
handler.performAuthorizationRequest(configuration, request)
console.log('listening')
