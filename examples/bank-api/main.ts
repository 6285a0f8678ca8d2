#!/usr/bin/env node
/** Runs the bank with settings from the environment: see the README beside this file. */
import { createServer } from 'node:http'
import { bankApi } from './api.ts'

const {
  ISSUER: issuer = 'http://localhost:3000',
  PORT: port = '4001',
  CLIENT_ID = '',
  CLIENT_SECRET = '',
} = process.env
const resource = process.env['RESOURCE'] ?? `http://localhost:${port}`
const options = { issuer, resource, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }
createServer(bankApi({ ...options, onError: console.error })).listen(Number(port), '127.0.0.1', () => {
  console.log(`The bank is at ${resource}; ${issuer} gives the tokens for it.`)
})
