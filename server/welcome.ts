/** What a developer reads in the terminal once the server listens: where it is, and what to do next. */
import type { Config } from './config.ts'

/** The text, for a server that listens at `issuer`. */
export function welcome(config: Pick<Config, 'productName' | 'database' | 'dataDir'>, issuer: string): string {
  const database = config.database.kind === 'postgres' ? 'Postgres' : `embedded, in ${config.dataDir}`
  return `
${config.productName} is listening at ${issuer}
  discovery   ${issuer}/.well-known/openid-configuration
  database    ${database}

Next:
  npx habitat-auth user add --email you@example.com       a person who can sign in
  npx habitat-auth client add --profile web --name "My app" --redirect-uri http://localhost:4000/callback
  npm run demo                                            a whole sign-in, ready to click

`
}
