/**
 * Recognises browsers that are part of another app, by what they say of themselves.
 *
 * Some issuers refuse them (RFC 8252 §8.12: the app around could read what is typed), with a page from which nobody finds
 * back. A guess: who is taken for one of them wrongly can go on all the same.
 */

/** Apps that say their own name. */
const namedApps =
  /\b(Telegram|Instagram|FBA[NV]|FB_IAB|Messenger|WhatsApp|MicroMessenger|Line\/|KAKAOTALK|LinkedInApp|Twitter|Snapchat|Pinterest\/|musical_ly|BytedanceWebview|trill|Threads)/i

/** Whether a `User-Agent` is that of a browser inside another app. */
export function isEmbeddedBrowser(userAgent: string): boolean {
  const text = userAgent.slice(0, 1000)
  return namedApps.test(text) || isAndroidWebView(text) || isAppleWebView(text)
}

/** Whether a `User-Agent` says that it is the browser inside Telegram; on some systems that one does not. */
export function isInsideTelegram(userAgent: string): boolean {
  return /\bTelegram\b/i.test(userAgent.slice(0, 1000))
}

/** Android's component marks itself with `wv`. */
function isAndroidWebView(text: string): boolean {
  return /\bAndroid\b[^)]*; wv\)/.test(text)
}

/** On iOS every browser is made of the same component, and those that are browsers end with `Safari`. */
function isAppleWebView(text: string): boolean {
  return /\((iPhone|iPad|iPod)/.test(text) && text.includes('AppleWebKit/') && !/\bSafari\//.test(text)
}
