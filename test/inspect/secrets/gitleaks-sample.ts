/**
 * A configuration as an organisation keeps one: every feature of gitleaks'
 * format, in both spellings, and keys in any case.
 */
export const sampleConfig = String.raw`
title = "Example Corp"
minVersion = "v8.25.0"

[[rules]]
id = "corp-service-token"
description = "Example Corp service token"
regex = '''\b(ecst_[a-z0-9]{24})(?:['"\s;]|$)'''
keywords = ["ECST_"]
tags = ["corp", "service"]
entropy = 3.0

[[rules]]
id = "corp-generic"
Description = "Assigned key of Example Corp"
Regex = '''(?i)[\w.-]{0,50}?(?:excorp)(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}([a-f0-9]{32})(?:[\x60'"\s;]|\\[nr]|$)'''
Keywords = ["excorp"]

[[rules.Allowlists]]
description = "documented examples"
regexTarget = "line"
regexes = ['''(?i)\bexample\b''']

[[rules.allowlists]]
condition = "AND"
paths = ['''(^|/)fixtures/''']
stopwords = ["0000"]

[[rules]]
id = "corp-pair"
description = "User and password of the old system"
regex = '''olduser=([a-z]+) oldpass=([^\s]{8,32})'''
secretGroup = 2
keywords = ["oldpass"]
[rules.allowlist]
regexTarget = "match"
regexes = ['''olduser=nobody ''']
commits = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]

[[rules]]
id = "corp-hex"
description = "A bare key, in files that speak of the vault"
regex = '''\b[a-f0-9]{40}\b'''
keywords = ["corpvault"]
path = '''\.(conf|ini)$'''

[[rules]]
id = "corp-key-file"
description = "A key file of Example Corp"
path = '''(?i)\.exkey$'''

[[rules]]
id = "corp-id"
regex = '''EXID[0-9]{8}'''
keywords = ["exid"]
skipReport = true

[[rules]]
id = "corp-secret-of-id"
description = "A secret beside its id"
regex = '''exsecret:\s*([A-Za-z0-9/+]{30})'''
keywords = ["exsecret"]
[[rules.required]]
id = "corp-id"
withinLines = 2

[[allowlists]]
description = "generated"
paths = ['''(^|/)vendor/''', '''\.lock$''']

[[allowlists]]
targetRules = ["corp-service-token"]
stopwords = ["placeholder"]
`;
