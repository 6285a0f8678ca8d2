/** Which browsers are part of another app; the texts are what such browsers send. */
import { expect, test } from 'vitest'
import { isEmbeddedBrowser } from '../../../server/interactions/embedded-browser.ts'

const iPhone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
const android = 'Mozilla/5.0 (Linux; Android 15; Pixel 8'
const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36'

test.for([
  [
    'Telegram on Android',
    `${android}; wv) ${chrome} Telegram-Android/11.4.2 (Google Pixel 8; Android 15; SDK 35; HIGH)`,
  ],
  ['any WebView of Android', `${android} Build/AP4A.250105.002; wv) ${chrome}`],
  ['a WebView of iOS, as in Telegram', `${iPhone} Mobile/15E148`],
  ['Instagram', `${iPhone} Mobile/15E148 Instagram 360.0.0.30.109 (iPhone15,3; iOS 18_1; en_US)`],
  ['Facebook', `${iPhone} Mobile/15E148 [FBAN/FBIOS;FBAV/490.0.0.41.107;FBDV/iPhone15,3]`],
  ['Facebook on Android', `${android}; wv) ${chrome} [FB_IAB/FB4A;FBAV/490.0.0.0.1;]`],
  ['Line', `${iPhone} Mobile/15E148 Safari Line/14.19.0`],
  ['WeChat', `${android}) ${chrome} MicroMessenger/8.0.50`],
  ['LinkedIn', `${iPhone} Mobile/15E148 [LinkedInApp]`],
  ['TikTok', `${android}; wv) ${chrome} trill_360 BytedanceWebview/d8a21c6`],
] as const)('%s is', ([, userAgent]) => {
  expect(isEmbeddedBrowser(userAgent)).toBe(true)
})

test.for([
  ['Safari on iOS', `${iPhone} Version/18.1 Mobile/15E148 Safari/604.1`],
  ['Chrome on iOS', `${iPhone} CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1`],
  ['Firefox on iOS', `${iPhone} FxiOS/133.0 Mobile/15E148 Safari/605.1.15`],
  [
    'Chrome on Android',
    `Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36`,
  ],
  ['Firefox on Android', 'Mozilla/5.0 (Android 15; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0'],
  [
    'Samsung Internet',
    `${android}) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36`,
  ],
  [
    'Safari on macOS',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  ],
  ['Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0'],
  [
    'Edge',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0',
  ],
  ['a tool', 'curl/8.9.1'],
  ['nothing', ''],
  ['very long nonsense', '(Android '.repeat(20_000)],
] as const)('%s is not', ([, userAgent]) => {
  expect(isEmbeddedBrowser(userAgent)).toBe(false)
})
