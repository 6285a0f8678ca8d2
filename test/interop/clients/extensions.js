/** Adds the file endings that @openid/appauth leaves to a bundler: Node itself asks for them. Loaded by `--import`. */
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    const inside = context.parentURL?.includes('/@openid/appauth/') === true && specifier.startsWith('.')
    if (!inside) return next(specifier, context)
    const file = `${specifier}.js`
    return next(existsSync(new URL(file, context.parentURL)) ? file : `${specifier}/index.js`, context)
  },
})
