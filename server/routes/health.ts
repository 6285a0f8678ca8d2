/** For load balancers and supervisors: is the process alive, may it get traffic. Answers under any host name. */
import type { Middleware } from 'koa'

export interface HealthOptions {
  /** Throws when the database does not answer. */
  ping: () => Promise<void>
  /** True once the server has begun to stop. */
  stopping: () => boolean
}

export function healthRoutes({ ping, stopping }: HealthOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path === '/health/live') {
      ctx.body = { status: 'ok' }
    } else if (ctx.path === '/health/ready') {
      const reachable =
        !stopping() &&
        (await ping().then(
          () => true,
          () => false,
        ))
      ctx.status = reachable ? 200 : 503
      ctx.body = { status: reachable ? 'ok' : stopping() ? 'stopping' : 'database unreachable' }
    } else await next()
  }
}
