#!/usr/bin/env node
/** Runs the MCP server with settings from the environment: see the README beside this file. */
import { mcpServer } from './server.ts'

const { ISSUER: issuer = 'http://localhost:3000', PORT: port = '4000', RESOURCE: given } = process.env
const resource = given ?? `http://localhost:${port}/mcp`
mcpServer({ issuer, resource }).listen(Number(port), '127.0.0.1', () => {
  console.log(`The MCP server is at ${resource}; ${issuer} gives the tokens for it.`)
})
