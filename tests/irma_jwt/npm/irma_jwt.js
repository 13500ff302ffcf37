// Reads a list of {method, options, sign} or {method, options, verify} from stdin, and signs or
// verifies each with the official package. Writes the list of results to stdout, with
// {refused: <name of the error>} for each error.
const IrmaJwt = require('@privacybydesign/irma-jwt');

const done = JSON.parse(require('fs').readFileSync(0, 'utf8')).map((asked) => {
  const official = new IrmaJwt(asked.method, asked.options);
  try {
    return asked.sign ? official.signSessionRequest(asked.sign) : official.verify(asked.verify);
  } catch (error) {
    return { refused: error.name };
  }
});
process.stdout.write(JSON.stringify(done));
