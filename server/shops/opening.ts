/**
 * From a proven phone to a token for its shop: the account of the Telegram user, the shop of the phone, a grant.
 *
 * The account is the one that any other way of Telegram leads to. What ends while a token is made ends that token, too.
 */
import type { Identity } from '../../adapters/identity/contract.ts'
import type { TelegramCard } from '../../adapters/identity/telegram-person.ts'
import type { Accounts } from '../../adapters/postgres/accounts.ts'
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { Shop, Shops } from '../../adapters/postgres/shops.ts'
import type { PhoneNumber } from '../../adapters/telegram/phone-number.ts'
import type { ShopMinting } from '../oidc/shop-minting.ts'
import type { Proven } from '../telegram/one-time-codes.ts'
import { shopDefaults } from './naming.ts'

export interface OpeningOptions {
  /** Whom a Telegram user is known as. */
  readonly identify: (person: TelegramCard) => Identity
  readonly accounts: Pick<Accounts, 'byIdentity' | 'create'>
  readonly shops: Pick<Shops, 'open' | 'find' | 'endTokens'>
  readonly minting: ShopMinting
  readonly registration: 'open' | 'closed'
  readonly audit: Audit['record']
}

export interface OpeningRequest {
  readonly proven: Proven
  readonly phone: PhoneNumber
  readonly clientId: string
  readonly address: string
}

export type Opened =
  | { readonly kind: 'open'; readonly token: string; readonly shop: Shop }
  /** Nobody new is let in; the account or the shop is disabled; the phone's shop is somebody else's. */
  | { readonly kind: 'refused'; readonly why: 'closed' | 'account-disabled' | 'shop-disabled' | 'other-owner' }

export function opening(options: OpeningOptions) {
  const { accounts, shops, minting, audit } = options

  async function accountOf({ proven: { personId, owner }, clientId, address }: OpeningRequest) {
    const { provider, subject, name, label } = options.identify({ ...owner, id: personId })
    const known = await accounts.byIdentity(provider, subject, label)
    if (known !== undefined || options.registration === 'closed') return known
    const account = await accounts.create({ name, identity: { provider, subject, label } })
    const detail = { provider }
    await audit({ event: 'account.created', accountId: account.id, clientId, address, detail })
    return account
  }

  return async (request: OpeningRequest): Promise<Opened> => {
    const { proven, phone, clientId, address } = request
    const account = await accountOf(request)
    if (account === undefined) return { kind: 'refused', why: 'closed' }
    const accountId = account.id
    const refused = async (why: Extract<Opened, { kind: 'refused' }>['why']): Promise<Opened> => {
      await audit({ event: 'shop.refused', accountId, clientId, address, detail: { why } })
      return { kind: 'refused', why }
    }
    if (account.disabledAt !== undefined) return refused('account-disabled')
    const shop = await shops.open({
      ...shopDefaults(phone.number, phone.country, proven.owner?.language),
      phone: phone.number,
      telegramId: proven.personId,
      accountId,
    })
    if (shop === undefined) return refused('other-owner')
    if (shop.disabledAt !== undefined) return refused('shop-disabled')
    const token = await minting.token({ accountId, clientId, shop })
    // Whoever disabled or released it in between has ended the tokens that there were.
    const after = await shops.find(shop.id)
    if (after?.disabledAt !== undefined || after?.accountId !== accountId) {
      await shops.endTokens(shop.id)
      return refused('shop-disabled')
    }
    await audit({ event: 'shop.opened', accountId, clientId, address, detail: { shop: shop.id } })
    return { kind: 'open', token, shop }
  }
}
