/** Under which name the accounts of Telegram are stored, whichever way they were proven: subject is the user id. */

export const telegramIdentity = 'telegram'
