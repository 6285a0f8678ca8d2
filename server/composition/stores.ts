/** What the database keeps, by its name: one object per table or group of tables that belong together. */
import { accounts } from '../../adapters/postgres/accounts.ts'
import { approvals } from '../../adapters/postgres/approvals.ts'
import { atprotoKeepsakes } from '../../adapters/postgres/atproto-keepsakes.ts'
import { atprotoKeys } from '../../adapters/postgres/atproto-keys.ts'
import { atprotoSessions } from '../../adapters/postgres/atproto-sessions.ts'
import { atprotoStates } from '../../adapters/postgres/atproto-states.ts'
import { attempts } from '../../adapters/postgres/attempts.ts'
import { audit } from '../../adapters/postgres/audit.ts'
import { clients } from '../../adapters/postgres/clients.ts'
import { consents } from '../../adapters/postgres/consents.ts'
import { deniedTokens } from '../../adapters/postgres/denied-tokens.ts'
import { deviceCodes } from '../../adapters/postgres/device-codes.ts'
import { exchangePolicies } from '../../adapters/postgres/exchange-policies.ts'
import { grantDescent } from '../../adapters/postgres/grant-descent.ts'
import { grants } from '../../adapters/postgres/grants.ts'
import { identities } from '../../adapters/postgres/identities.ts'
import { limits } from '../../adapters/postgres/limits.ts'
import { logoutNotices } from '../../adapters/postgres/logout-notices.ts'
import { passwords } from '../../adapters/postgres/passwords.ts'
import { pdsLinks } from '../../adapters/postgres/pds-links.ts'
import { phoneCodes } from '../../adapters/postgres/phone-codes.ts'
import { registrationTokens } from '../../adapters/postgres/registration-tokens.ts'
import { replays } from '../../adapters/postgres/replays.ts'
import { requestWindows } from '../../adapters/postgres/request-windows.ts'
import { resources } from '../../adapters/postgres/resources.ts'
import { sessions } from '../../adapters/postgres/sessions.ts'
import { shops } from '../../adapters/postgres/shops.ts'
import { signingKeys } from '../../adapters/postgres/signing-keys.ts'
import { telegramConnections } from '../../adapters/postgres/telegram-connections.ts'
import { telegramPeople } from '../../adapters/postgres/telegram-people.ts'
import { telegramPhones } from '../../adapters/postgres/telegram-phones.ts'
import { telegramQuestions } from '../../adapters/postgres/telegram-questions.ts'
import { telegramSignIns } from '../../adapters/postgres/telegram-sign-ins.ts'
import { trustedIssuers } from '../../adapters/postgres/trusted-issuers.ts'
import { unverifiedClients } from '../../adapters/postgres/unverified-clients.ts'
import type { Foundation } from './foundation.ts'

export type Stores = ReturnType<typeof stores>

/** Asks the database nothing yet. */
export function stores({ store: { db }, sealer, now }: Pick<Foundation, 'store' | 'sealer' | 'now'>) {
  return {
    accounts: accounts(db, now),
    approvals: approvals(db, now),
    atprotoKeepsakes: atprotoKeepsakes(db, sealer, now),
    atprotoKeys: atprotoKeys(db, sealer, now),
    atprotoSessions: atprotoSessions(db, sealer, now),
    atprotoStates: atprotoStates(db, sealer, now),
    attempts: attempts({ db, sealer, now }),
    audit: audit(db, now),
    clients: clients(db, now),
    consents: consents(db, now),
    deniedTokens: deniedTokens(db),
    deviceCodes: deviceCodes(db, now),
    exchangePolicies: exchangePolicies(db, now),
    grantDescent: grantDescent(db, now),
    grants: grants(db, now),
    identities: identities(db),
    limits: limits(db, now),
    logoutNotices: logoutNotices(db, now),
    passwords: passwords(db, now),
    phoneCodes: phoneCodes(db, sealer, now),
    pdsLinks: pdsLinks(db, now),
    registrationTokens: registrationTokens(db, now),
    replays: replays(db, now),
    resources: resources(db, now),
    requestWindows: requestWindows(db, now),
    sessions: sessions(db, now),
    shops: shops(db, sealer, now),
    signingKeys: signingKeys(db, sealer, now),
    telegramConnections: telegramConnections(db, sealer, now),
    telegramPhones: telegramPhones(db, sealer, now),
    telegramPeople: telegramPeople(db, now),
    telegramQuestions: telegramQuestions(db, sealer, now),
    telegramSignIns: telegramSignIns(db, sealer, now),
    trustedIssuers: trustedIssuers(db, now),
    unverifiedClients: unverifiedClients(db, now),
  }
}
