/**
 * Token exchange (RFC 8693). The library has no such grant; it is made of its models as its own grants make them, so that
 * whatever reads, renews or ends the tokens elsewhere knows no difference.
 *
 * Here it is only said which exchange a request is: an app without a secret brings what Telegram told it, everybody else
 * brings tokens of ours and needs a policy that names them.
 */
import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { additionalGrants } from './additional-grants.ts'
import { type IdJagNeeds, idJag, idJagType } from './id-jag.ts'
import { type InitDataExchangeNeeds, initDataExchange } from './init-data-exchange.ts'
import { policyExchange } from './policy-exchange.ts'

const parameters = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'actor_token',
  'actor_token_type',
  'audience',
  'scope',
  'resource',
]

export interface TokenExchangeNeeds extends IdJagNeeds, Omit<InitDataExchangeNeeds, 'subjects'> {
  /** Judges what Telegram told a Mini App; undefined where there is no bot. */
  readonly subjects: InitDataExchangeNeeds['subjects'] | undefined
}

/** Adds the grant to a provider. */
export function addTokenExchange(provider: Provider, needs: TokenExchangeNeeds): void {
  provider.registerGrantType(
    additionalGrants['token-exchange'],
    async (plainCtx) => {
      const ctx = plainCtx as unknown as KoaContextWithOIDC
      ctx.body = await exchanged(ctx, provider, needs)
    },
    parameters,
  )
}

function exchanged(ctx: KoaContextWithOIDC, provider: Provider, needs: TokenExchangeNeeds) {
  const { subjects } = needs
  if ((ctx.oidc.client as Client).clientAuthMethod === 'none') {
    if (subjects === undefined) throw new errors.UnauthorizedClient('there is no bot here')
    return initDataExchange(ctx, provider, { ...needs, subjects })
  }
  const wanted = ctx.oidc.params?.['requested_token_type']
  return wanted === idJagType ? idJag(ctx, provider, needs) : policyExchange(ctx, provider, needs)
}
