// Package backlog is the root of a module that answers when a queue will be empty, and how sure that is. It holds no code itself:
//
//   - package drain takes samples of a queue (or a few rounded numbers) and predicts: what most callers import;
//   - package forecast has what the predictions are made of: first-passage laws and the forecasters;
//   - the module examples next to it has programs, such as the small binary examples/eta.
//
// A mail provider has 1.4 million mails waiting and sends 300 a second more than come in. Division answers half of the question, 1 h 18 min. The other
// half is that "300" is known to 50 a second, the backlog to 50 000, and that the rate is not a constant of nature: with 90 % probability
// the backlog is cleared after between 1 h 01 min and 1 h 48 min.
package backlog
