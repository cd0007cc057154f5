/**
 * How much a text reads like words: names in code, paths, sentences and
 * passwords that people remember do; what a generator made does not. Letter
 * pairs are counted in a list of words that code is full of, and a text is
 * scored by how much likelier its pairs are there than among random letters.
 */

const words = `
about above accept access account action active add address admin after agent alert alias allow amount angular any api app
append apple apply archive area argument array article assert asset assign async attach attribute audit auth author auto
available avatar award back background badge balance bank banner base basic batch before begin behavior beta between bind
binary block blog blue board body book boolean border bottom bound box branch brand bridge broker browser bucket buffer build
bundle business button bytes cache calendar call callback camera cancel canvas card cart case catalog category center certificate
chain change channel char charge chart chat check child choice class clean clear click client clip clock clone close cloud cluster
code collection color column command comment commit common company compare compile complete component compress compute concat
condition config confirm connect console constant consumer contact contain content context control convert cookie copy core
correct count country course cover create credential current custom customer daemon dark dashboard data database date day
debug decode default define delete deliver demo deny depend deploy description design desktop detail develop device dialog
dictionary digest direct disable discount discover disk display distance document domain double down download draft drag drive
driver drop dummy duration dynamic east edit editor effect element email empty enable encode encrypt endpoint engine enter entity
entry enum environment error escape event example exception exchange execute exist exit expand expect expire export express
extend extension external extra fail fake false family feature feed fetch field figure file fill filter final find finish first
fix flag flash float flow focus folder follow font foo footer force form format forward found frame free from front full function
future game gateway general generate get git global go good grant graph gray great green grid group guest guide handle hash head
header health height hello help hidden high history home hook host hour house html http icon identity ignore image import include
index info inherit init inline inner input insert inspect install instance integer interface internal invalid invoice issue item
iterate java job join json jump keep kernel key keyboard kind label lambda language last later latest layer layout lazy lead
learn left legacy length level library license light like limit line link list listen literal live load local locate lock log
login logo long loop machine mail main make manage manager map margin mark market master match matrix maximum measure media member
memory menu merge message meta method metric middle migrate mind minimum minute missing mobile mock modal mode model modify module
money monitor month more motion mount mouse move multi music mutate name native navigate needle nest network never new next nice
night node none normal north note notice notify null number object observe offer office offset old online only open operation
optimize option oracle order organization origin other outer output over override owner pack package page paint panel paper parameter
parent parse part partner pass passphrase password patch path pattern pause payment peer pending people perform permission person
phone photo pick picture pipe pixel place plain plan platform play player please plugin point policy pool pop popular port portal
position post power prefer prefix prepare present preview previous price primary print priority private process product production
profile program progress project promise prompt property protect protocol provide provider proxy public publish pull purchase push
query question queue quick quote radio random range rate raw react read ready real reason receive record recover redirect reduce
reference refresh region register reject relation release reload remember remote remove render repeat replace reply report
repository request require reserve reset resolve resource response rest restore result resume retry return reverse review reward
right role root round route router row rule run runtime safe sample save scale scan schedule schema scope score screen script
scroll search second secret section secure security select self send sequence serial server service session set setting setup
shadow shape share sheet shell shift ship shop short should show side sign signal signature silent simple single site size skip sleep
slice slide small snapshot social socket soft some sort sound source space special speed split stable stack stage standard start
state static station status step stop storage store stream street string strong structure student style submit subscribe success
suite summer super supply support surface switch symbol sync syntax system table target task team template temp tenant terminal
test text that the theme there thing this thread through thumb ticket time timeout title toggle token tool top topic total touch
trace track traffic train transaction transfer transform translate transport trash tree trigger true trust try type undefined
under unique unit unknown unlock update upgrade upload upper user valid value variable vendor verify version vertical video view
virtual visible visit vote wait wallet warning watch water weather web week welcome west wheel while white width wild window winter
with word work worker world wrap write yellow yes your zero zone
`;

const letters = 26;
const pairs = letters * letters;

// Logarithm to base 2 of how much likelier a pair is in words than among random letters.
const gain: Float64Array = (() => {
  const counts = new Float64Array(pairs).fill(0.35);
  const totals = new Float64Array(letters).fill(0.35 * letters);
  for (const word of words.split(/\s+/)) {
    for (let i = 1; i < word.length; i++) {
      const first = word.charCodeAt(i - 1) - 97;
      bump(counts, first * letters + word.charCodeAt(i) - 97);
      bump(totals, first);
    }
  }
  return counts.map((count, pair) =>
    Math.log2((count / (totals[Math.floor(pair / letters)] ?? 1)) * letters),
  );
})();

function bump(counts: Float64Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}

/** Bits for each pair of letters: above 0.8 for most words, below -0.5 for most random letters; 0 without pairs. */
export function wordiness(text: string): number {
  let sum = 0;
  let seen = 0;
  for (let i = 1; i < text.length; i++) {
    const first = letterAt(text, i - 1);
    const second = letterAt(text, i);
    if (first < 0 || second < 0) continue;
    sum += gain[first * letters + second] ?? 0;
    seen++;
  }
  return seen === 0 ? 0 : sum / seen;
}

/**
 * The share of neighbours that are of unlike kinds (lower, upper, digit, other); a capital before
 * a small letter is none, for that is how a word begins.
 */
export function unrest(text: string): number {
  let changes = 0;
  for (let i = 1; i < text.length; i++) {
    const before = kindAt(text, i - 1);
    const here = kindAt(text, i);
    if (before !== here && !(before === 'upper' && here === 'lower')) changes++;
  }
  return text.length < 2 ? 0 : changes / (text.length - 1);
}

function letterAt(text: string, at: number): number {
  const code = text.charCodeAt(at) | 32;
  return code >= 97 && code <= 122 ? code - 97 : -1;
}

function kindAt(text: string, at: number): 'lower' | 'upper' | 'digit' | 'other' {
  const code = text.charCodeAt(at);
  if (code >= 97 && code <= 122) return 'lower';
  if (code >= 65 && code <= 90) return 'upper';
  return code >= 48 && code <= 57 ? 'digit' : 'other';
}
