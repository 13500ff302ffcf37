// Does what is asked on stdin, a list of {method, options, sign} or {method, options, verify}, by the
// official package; writes the list of what came of it to stdout, an error as {refused: its name}.
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
