/**
 * Holds a request to the level that it demands: whoever is signed in at less is asked to sign in again with a second factor,
 * and an app that demands what nobody can give here is told so.
 *
 * What the levels are stands in `acr.ts`, what the person sees in `server/interactions`.
 */
import { errors, interactionPolicy, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { type AcrDemand, acrDemand, isBeyondUs, meets, statedAcr } from './acr.ts'

/** Why a person is asked to sign in (again): the app demands more than their sign-in has shown. */
export const needsSecondFactor = 'acr_not_met'

type OIDCContext = KoaContextWithOIDC['oidc']

/** Puts our one check in the place of the library's two, which know `claims` alone and no order of levels. */
export function demandAcr(prompts: interactionPolicy.DefaultPolicy): void {
  const login = prompts.get('login')?.checks
  login?.remove('essential_acrs')
  login?.remove('essential_acr')
  login?.add(
    new interactionPolicy.Check(needsSecondFactor, 'the app demands a second factor', 'login_required', ({ oidc }) => {
      const demand = demandOf(oidc)
      return demand !== undefined && !meets(oidc.session?.acr, demand)
    }),
  )
}

/** Refuses what can be met by nobody before anybody is asked (OIDC Core §5.5.1.1). For the library's `claims` parameter. */
export function assertAcrClaim(_ctx: KoaContextWithOIDC, claims: { id_token?: object | undefined }): void {
  const demand = readDemand(claims.id_token)
  if (demand?.essential === true && isBeyondUs(demand)) {
    throw new errors.UnmetAuthenticationRequirements('nobody can sign in here at the requested acr')
  }
}

/** Has codes and tokens say the level that the app asked for, where the sign-in reaches it. */
export function stateAcr(provider: Provider): void {
  // The types leave this class out; it is what the library's own endpoints read the level from.
  const { OIDCContext } = provider as unknown as { OIDCContext: { prototype: object } }
  Object.defineProperty(OIDCContext.prototype, 'acr', {
    configurable: true,
    get(this: OIDCContext) {
      return statedAcr(this.session?.acr, demandOf(this))
    },
  })
}

/** What the request demands of us; levels that are not ours are nobody's business here unless they are essential. */
function demandOf({ claims }: OIDCContext): AcrDemand | undefined {
  const demand = readDemand(claims.id_token)
  return demand === undefined || isBeyondUs(demand) ? undefined : demand
}

function readDemand(idToken: object | undefined): AcrDemand | undefined {
  try {
    return acrDemand((idToken as { acr?: unknown } | undefined)?.acr)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new errors.InvalidRequest(`claims.id_token.acr is not usable: ${error.message}`)
  }
}
