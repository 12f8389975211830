// Serves oauth2-mock-server: serve.cjs MODULES PORT FOLDER KEY CERTIFICATE
// It takes any client by itself, so its hook knows one. FOLDER/wanted.json, read for each question: client, secret,
// claims (of the token), body (of the answer), status, crash. FOLDER/asked.jsonl: a line for each question.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [modules, port, folder, key, certificate] = process.argv.slice(2);
const { OAuth2Server } = require(path.join(modules, "oauth2-mock-server"));
const wanted = () => JSON.parse(fs.readFileSync(path.join(folder, "wanted.json")));

function clientOf(request) { // where the question names it, and in which of the two ways
  const [scheme, sent] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Basic") return { way: "body", id: request.body.client_id, secret: request.body.client_secret };
  const [id, secret] = Buffer.from(sent, "base64").toString().split(":").map(decodeURIComponent);
  return { way: "header", id, secret };
}

function answer(response, request) {
  const { way, id, secret } = clientOf(request);
  const asked = { way, id, grant: request.body.grant_type, scope: request.body.scope };
  fs.appendFileSync(path.join(folder, "asked.jsonl"), JSON.stringify(asked) + "\n");
  const now = wanted();
  if (now.crash) throw new Error("asked to");
  if (id !== now.client || secret !== now.secret) {
    response.statusCode = 401;
    response.body = { error: "invalid_client", error_description: `who is ${id} with ${secret}?` };
    return;
  }
  response.statusCode = now.status;
  response.body = { ...response.body, ...now.body };
}

async function main() {
  const server = new OAuth2Server(key, certificate);
  await server.issuer.keys.generate("RS256");
  server.service.on("beforeTokenSigning", (token) => Object.assign(token.payload, wanted().claims));
  server.service.on("beforeResponse", answer);
  await server.start(Number(port), "127.0.0.1");
  server.issuer.url = `https://127.0.0.1:${port}`;
}

main();
