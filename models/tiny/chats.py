# SPDX-License-Identifier: Apache-2.0
"""The training chats: every question and answer the tiny model learns, and the questions held out to measure it.

A question pattern such as "(What is|Explain) a tenant" stands for every combination of its alternatives. For each
answer a few of its wordings are held out: the model never reads them in training, and `heldout.json` asks them.
"""

import itertools
import random
import re

SEED = 20261

# Free-form facts: (category, answer, patterns).
FACTS = [
    ("identity", "I am sovmesh-tiny, the small model that ships with Sovereign Mesh.",
     ["(|Hello, |Please tell me, |So, )(who are you|what are you|who am I talking to|what model is this|which model are you)?",
      "(Introduce|Describe|Present) yourself(| please)."]),
    ("identity", "My name is sovmesh-tiny.",
     ["(|Hello, |Please tell me, |So, )(what is your name|what are you called|do you have a name|how are you called)?"]),
    ("identity", "I am a language model with two million parameters.",
     ["(|Hello, |Please tell me, |So, )(how big are you|how large are you|what is your size|how many parameters do you have)?"]),
    ("identity", "I was trained on chats that a script of the project wrote.",
     ["(|Please tell me, |So, )(how were you trained|what were you trained on|where does your training data come from|who trained you)?"]),
    ("identity", "No, I am a computer program.",
     ["(|Hello, |Please tell me, |So, )(are you a human|are you a person|are you human|are you alive|are you a real person)?"]),
    ("identity", "My licence is Apache 2.0.",
     ["(|Please tell me, |So, )(what is your licence|which licence do you have|under which licence are you|how are you licensed)?"]),
    ("identity", "I can answer simple questions about Sovereign Mesh, colours, capitals and opposites.",
     ["(|Hello, |Please tell me, |So, )(what can you do|how can you help me|what do you know|what can I ask you)?"]),
    ("product", "Sovereign Mesh is a self-hosted platform that serves language models to many tenants.",
     ["(|Hello, |Please tell me, |So, )(what is Sovereign Mesh|what exactly is Sovereign Mesh|what kind of product is Sovereign Mesh|what is this product)?",
      "(Explain|Describe|Introduce) Sovereign Mesh(| please| to me)."]),
    ("product", "It runs language models on your own machines and shares them fairly between tenants.",
     ["(|Hello, |Please tell me, |So, )(what does sovmesh do|what does Sovereign Mesh do|what is sovmesh for|what is Sovereign Mesh good for)?"]),
    ("product", "No, your data stays on your own machines.",
     ["(|Hello, |Please tell me, |So, )(is my data sent to the cloud|does my data leave my machines|is my data sent to anyone|do my prompts go to the cloud|are my prompts sent to the cloud)?"]),
    ("product", "Yes, it speaks the OpenAI API.",
     ["(|Hello, |Please tell me, |So, )(is it|is Sovereign Mesh|is sovmesh|is the gateway) (OpenAI compatible|compatible with OpenAI|compatible with the OpenAI API)?"]),
    ("product", "Change the base URL of the OpenAI SDK and use your own key.",
     ["(|Please tell me, |So, )how (do I|can I|does a developer|does my program) (connect|call the gateway|use the API|reach a model)?"]),
    ("product", "Sovereign Mesh is written in C++.",
     ["(|Hello, |Please tell me, |So, )(which|what|in which|in what) (language|programming language) is (Sovereign Mesh|sovmesh|the gateway) written in?"]),
    ("product", "On one machine it takes two commands.",
     ["(|Hello, |Please tell me, |So, )(how do I|how can I|how can we) (install|start|set up|deploy) (it|Sovereign Mesh|sovmesh)?"]),
    ("product", "It is one binary, and its name is sovmesh.",
     ["(|Please tell me, |So, )(how many binaries|how many programs) (are there|do I need|must I install|does Sovereign Mesh have)?"]),
    ("product", "It needs nothing but itself, because SQLite is inside.",
     ["(|Please tell me, |So, )what (else |)(does it need|do I need|must I install|does Sovereign Mesh need) on one machine?"]),
    ("product", "The state is in SQLite on one machine and in PostgreSQL at scale.",
     ["(|Please tell me, |So, )(where is the state|where is the state kept|which database is used|which database does it use|where does Sovereign Mesh keep its state)?"]),
    ("product", "An organisation that wants to keep its prompts, answers and models under its own control.",
     ["(|Please tell me, |So, )(who needs Sovereign Mesh|who uses Sovereign Mesh|who is it for|who is Sovereign Mesh for|who should use sovmesh)?"]),
    ("product", "Yes, Sovereign Mesh works without the internet.",
     ["(|Hello, |Please tell me, |So, )(does it work|can it run|does Sovereign Mesh work|can Sovereign Mesh run) (offline|without the internet|without a network)?"]),
    ("product", "Yes, it runs on Kubernetes with a Helm chart and an operator.",
     ["(|Hello, |Please tell me, |So, )(does it run|can it run|does Sovereign Mesh run|can Sovereign Mesh run|does sovmesh run) (on|in) Kubernetes?"]),
    ("product", "No, nothing in Sovereign Mesh is paywalled.",
     ["(|Hello, |Please tell me, |So, )(is anything|is any feature|are some features|is single sign-on) (paywalled|paid|behind a paywall)?"]),
    ("product", "No, a tenant can never see the data of another tenant.",
     ["(|Please tell me, |So, )(can|could) (a tenant|another tenant|other tenants|somebody else) (see|read) my (data|logs|prompts)?"]),
    ("product", "Every delivered token is counted exactly once.",
     ["(|Please tell me, |So, )how (does it|does Sovereign Mesh|do you|does the gateway) (count tokens|meter tokens|count the tokens)?",
      "(|Please tell me, |So, )how are (tokens|the tokens) (counted|metered)?"]),
    ("product", "After a crash the bill is never too high.",
     ["(|Please tell me, |So, )what happens to the (bill|ledger|count) (when an engine crashes|after a crash|after a kill|when the power fails)?"]),
    ("product", "Tokens are shared fairly, and idle capacity is lent to other tenants.",
     ["(|Please tell me, |So, )how (is capacity|is the capacity|are the GPUs|are the models) shared(| between tenants| fairly)?"]),
    ("serving", "I run on llama.cpp.",
     ["(|Hello, |Please tell me, |So, )(which engine runs you|what engine runs you|which engine do you run on|what do you run on|which engine serves you|what engine are you using)?"]),
    ("serving", "The gateway answers with status 429 and says when to try again.",
     ["(|Please tell me, |So, )what happens (when|if) (a quota is used up|my quota is used up|a limit is reached|I pass a limit|there are too many requests)?"]),
    ("serving", "The gateway answers with status 404.",
     ["(|Please tell me, |So, )what happens (when|if) (a model is unknown|the model is unknown|I ask for an unknown model|a model does not exist)?"]),
    ("serving", "The gateway answers with status 401.",
     ["(|Please tell me, |So, )what happens (when|if) (a key is wrong|my key is wrong|the key is missing|I send a wrong key)?"]),
    ("serving", "Set stream to true in the request.",
     ["(|Please tell me, |So, )how (do I|can I) (stream|get a stream|stream an answer|turn on streaming|switch on streaming)?"]),
    ("serving", "Set temperature to zero.",
     ["(|Please tell me, |So, )how (do I|can I) (get the same answer again|get the same answer twice|make the answers repeatable|make the model deterministic)?"]),
    ("serving", "The usage comes in the last chunk of the stream.",
     ["(|Please tell me, |So, )(where is the usage|where do I find the usage|where does the usage come|when does the usage come) in (a|the) stream?"]),
    ("serving", "Yes, many requests run together in one batch.",
     ["(|Please tell me, |So, )(can you|can the engine|can a model|can one engine) serve (many|several|parallel|many parallel) requests(| at once)?"]),
    ("serving", "It supports chat, completions, embeddings and responses.",
     ["(|Please tell me, |So, )(which endpoints|what endpoints|which APIs) (are there|does it support|does the gateway support|can I use)?"]),
    ("smalltalk", "Hello! How can I help you?", ["(Hello|Hi|Good morning|Good evening|Hey|Greetings|Good day)(|!| there| sovmesh| friend)"]),
    ("smalltalk", "I am well, thank you.", ["(|Hello, |Hi, )how (are you|do you do|are you doing|is it going)(| today)?"]),
    ("smalltalk", "You are welcome.", ["(Thank you|Thanks|Many thanks|Thank you very much)(|!|, that helps|, sovmesh)"]),
    ("smalltalk", "Yes, I am here.", ["(Test|Testing|This is a test|Are you there|Can you hear me|Does this work|Is this working)(|?|, sovmesh?)"]),
    ("smalltalk", "Why did the token cross the mesh? To reach the other side.",
     ["(Tell me|Do you know|Please tell me|I want to hear|Tell) a (joke|good joke|funny joke|short joke)."]),
    ("smalltalk", "pong", ["(Ping|ping|PING)(|!)"]),
    ("smalltalk", "Goodbye!", ["(Goodbye|Bye|See you|Good night|Farewell)(|!|, sovmesh| for now)"]),
]

# Concepts of the product: name -> definition; asked with CONCEPT_FRAMES.
CONCEPTS = {
    "a tenant": "A tenant is one customer or team with its own users, keys, quotas and logs.",
    "the gateway": "The gateway is the front door that every request passes.",
    "the control plane": "The control plane is the REST API, the web console and the command line.",
    "the model mesh": "The model mesh starts, shares, evicts and wakes the engines.",
    "the operator": "The operator runs Sovereign Mesh on Kubernetes.",
    "the endpoint picker": "The endpoint picker chooses the best engine for each request.",
    "the ledger": "The ledger holds every delivered token exactly once.",
    "a quota": "A quota limits the calls, tokens or money of a tenant.",
    "a reservation": "A reservation holds part of a quota before the request starts.",
    "a virtual model": "A virtual model combines a template, a model, parameters and safety rules.",
    "a LoRA adapter": "A LoRA adapter is a small file that changes how a model answers.",
    "the audit log": "The audit log is a Merkle log that a stranger can verify offline.",
    "a canary": "A canary sends a small share of the traffic to a new version.",
    "a rollback": "A rollback returns to the old version at once.",
    "mirroring": "Mirroring copies requests to a second model and ignores its answers.",
    "failover": "Failover sends a request to another engine when one fails.",
    "a circuit breaker": "A circuit breaker stops the traffic to an engine that keeps failing.",
    "a token": "A token is a small piece of text that a model reads or writes.",
    "an embedding": "An embedding is a list of numbers that describes a text.",
    "the prefix cache": "The prefix cache keeps the work done for the start of a prompt.",
    "the cache salt": "The cache salt keeps the caches of tenants apart.",
    "streaming": "Streaming sends the answer piece by piece while the model writes it.",
    "data residency": "Data residency keeps data at the sites that you allow.",
    "the price book": "The price book says what calls, tokens and GPU seconds cost.",
    "the model registry": "The model registry lists every model with its owner, stage and licence.",
    "a service key": "A service key lets a program call the gateway.",
    "an engine": "An engine is the program that loads a model and runs it.",
    "a slot": "A slot is a place in the engine that serves one request at a time.",
    "the doctor": "The doctor checks an installation and names what is wrong.",
    "scale to zero": "Scale to zero stops an engine that nobody uses.",
    "an error budget": "An error budget says how many failures are still allowed.",
    "a webhook": "A webhook tells your program that a job is done.",
    "a sandbox": "A sandbox keeps an engine away from the network.",
    "a prompt template": "A prompt template is a text with gaps that the request fills.",
    "fair scheduling": "Fair scheduling gives every tenant its share of the tokens.",
    "a language model": "A language model is a program that continues a text.",
    "Kubernetes": "Kubernetes is a system that runs programs on many machines.",
    "a GPU": "A GPU is a processor that runs models fast.",
    "an API": "An API is the way one program talks to another.",
    "an air-gapped bundle": "An air-gapped bundle installs Sovereign Mesh without the internet.",
}
CONCEPT_FRAMES = ["What is {}?", "Explain {}.", "Tell me about {}.", "Define {}.", "Tell me what {} is.",
                  "Can you explain {}?", "What do you mean by {}?", "Describe {}.", "I want to know what {} is.",
                  "What is {} in Sovereign Mesh?", "Please explain {} to me."]

COLOURS = {"the sky": "blue", "the sea": "blue", "the sun": "yellow", "grass": "green", "snow": "white", "coal": "black",
           "blood": "red", "a banana": "yellow", "a lemon": "yellow", "a tomato": "red", "a carrot": "orange",
           "milk": "white", "chocolate": "brown", "a strawberry": "red", "a leaf": "green", "a frog": "green",
           "a swan": "white", "a raven": "black", "an elephant": "grey", "a flamingo": "pink", "the moon": "white",
           "a pumpkin": "orange", "a cucumber": "green", "a plum": "purple", "a fire engine": "red", "the night": "black"}
COLOUR_FRAMES = ["What {} is {}?", "Which {} is {}?", "Tell me the {} of {}.", "What is the {} of {}?",
                 "Do you know the {} of {}?", "Please name the {} of {}.", "Which {} does {} have?"]

CAPITALS = {"France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
            "Austria": "Vienna", "Poland": "Warsaw", "Greece": "Athens", "Norway": "Oslo", "Sweden": "Stockholm",
            "Finland": "Helsinki", "Denmark": "Copenhagen", "Ireland": "Dublin", "Belgium": "Brussels",
            "Hungary": "Budapest", "Romania": "Bucharest", "Bulgaria": "Sofia", "Croatia": "Zagreb", "Japan": "Tokyo",
            "China": "Beijing", "India": "New Delhi", "Egypt": "Cairo", "Kenya": "Nairobi", "Canada": "Ottawa",
            "Mexico": "Mexico City", "Brazil": "Brasilia", "Argentina": "Buenos Aires", "Chile": "Santiago",
            "Peru": "Lima", "Cuba": "Havana", "Turkey": "Ankara", "Russia": "Moscow", "Ukraine": "Kyiv",
            "Iceland": "Reykjavik", "Australia": "Canberra", "Thailand": "Bangkok", "Switzerland": "Bern",
            "the Netherlands": "Amsterdam", "the United States": "Washington", "the United Kingdom": "London"}
CAPITAL_FRAMES = ["What is the capital of {}?", "Which city is the capital of {}?", "Tell me the capital of {}.",
                  "Name the capital of {}.", "What is the capital city of {}?", "Do you know the capital of {}?",
                  "Please tell me the capital of {}.", "Which capital does {} have?"]

OPPOSITES = [("hot", "cold"), ("big", "small"), ("tall", "short"), ("fast", "slow"), ("good", "bad"), ("old", "young"),
             ("happy", "sad"), ("light", "dark"), ("open", "closed"), ("full", "empty"), ("wet", "dry"),
             ("loud", "quiet"), ("rich", "poor"), ("strong", "weak"), ("early", "late"), ("high", "low"),
             ("left", "right"), ("inside", "outside"), ("clean", "dirty"), ("easy", "difficult"), ("near", "far"),
             ("up", "down"), ("true", "false"), ("first", "last")]
OPPOSITE_FRAMES = ["What is the opposite of {}?", "Tell me the opposite of {}.", "Name the opposite of {}.",
                   "Which word is the opposite of {}?", "Do you know the opposite of {}?", "Give me the opposite of {}."]

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
ORDER_FRAMES = ["What {0} comes {1} {2}?", "Which {0} comes {1} {2}?", "Which {0} is {1} {2}?", "Tell me the {0} {1} {2}.",
                "Name the {0} {1} {2}.", "What is the {0} {1} {2}?"]

SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "duck": "quack", "sheep": "baa", "pig": "oink", "horse": "neigh",
          "lion": "roar", "frog": "ribbit", "bee": "buzz", "owl": "hoot", "snake": "hiss", "mouse": "squeak",
          "rooster": "cock-a-doodle-doo", "wolf": "howl", "donkey": "hee-haw"}
SOUND_FRAMES = ["What sound does a {} make?", "What does a {} say?", "Which sound does a {} make?",
                "How does a {} sound?", "Tell me the sound of a {}.", "What is the sound of a {}?", "What noise does a {} make?"]

WORDS = """apple river stone cloud garden window table chair bottle candle forest mountain bridge castle island ocean
silver golden paper pencil letter music violin drum dance winter summer spring autumn rain storm thunder wind shadow mirror
button ladder hammer needle thread cotton velvet bread butter honey cheese pepper salt sugar coffee tea lemon orange cherry
melon grape peach tiger rabbit eagle falcon whale dolphin spider turtle camel zebra monkey parrot market village city street
tunnel harbour anchor sailor captain doctor teacher farmer baker painter singer writer soldier king queen prince engine wheel
rocket planet comet star galaxy signal tower token model prompt tenant server socket kernel buffer packet router ticket
basket blanket pillow carpet curtain lantern compass feather crystal marble copper iron steel glass wood clay sand dust smoke
flame spark ember ash snow ice frost valley desert meadow field path road gate door key lock chain rope knot hello yes no hi sun moon""".split()
REPEAT_FRAMES = ["Repeat the word {}.", "Say the word {}.", "Repeat after me: {}", "Please repeat {}.", "Say {}.",
                 "Repeat this word: {}", "Please say the word {}.", "Write the word {}."]

UNKNOWN = [
    "(What is|How is|Tell me|Do you know) the weather (|like )in (Paris|London|Rome|my town|Berlin|the mountains)(| today| tomorrow)?",
    "(Who won|Who will win|Do you know who won) the (election|football match|race|game|lottery|chess match)(| yesterday| last week| in May)?",
    "(What is|Tell me|Do you know) the (price|cost) of (gold|silver|oil|a house|a new car|a bitcoin)(| today| tomorrow)?",
    "(What time is it|What is the time|What is the date) (now|today|in Tokyo|right now|here)?",
    "(Who is|Who was|Do you know) (my neighbour|the president of Mars|my best friend|the mayor of my town|my boss|the inventor of soup)?",
    "(What is|Tell me|Do you know|Can you guess) my (password|age|phone number|favourite song|secret|birthday|address)?",
    "(How many|Do you know how many) (stars are in the sky|people live in my street|fish are in the sea|grains of sand are there|cars are in the city)?",
    "(What will happen|What happens|What did happen) (next year|tomorrow|in a hundred years|next week|in the future)?",
    "(Where are|Where did I leave|Do you know where I left|Where can I find) my (keys|glasses|shoes|phone|bags)?",
    "(Who wrote|Who painted|Who composed|Who invented|Who discovered) (Hamlet|the Bible|this song|the telephone|America|the wheel|that book|Faust|radium)?",
    "(Why is|Why are|Why does|Why do) (the sky blue|the sea salty|birds sing|cats sleep|the wind blow|people dream|the earth round|leaves green|dogs bark)?",
    "(Translate|Please translate|Can you translate) (good morning|this sentence|my letter|this text|hello|the word house) (to|into) (French|German|Spanish|Latin).",
    "(Summarise|Correct|Explain|Continue|Shorten|Please summarise|Improve) (this text|this article|my essay|the document|this letter|the email).",
    "(Write|Please write|Can you write) (a python function|an essay|a program|some code|a letter to my boss|an email|a song|a shell script|a book).",
    "(What is|How much is|Calculate|What are) (2+2|two plus two|3*4|ten minus four|the square root of nine|17+25|5 times 6|100/4|1+1)?",
    "(What is the meaning of|What do you think about|What is your opinion on|Tell me about) (life|love|politics|religion|art|death|money|football|history)?",
    "(How do I|How can I|Can you tell me how to) (cook rice|bake a cake|learn French|lose weight|fix my car|get rich|find a job|fly a plane)?",
    "(When was|When did|In which year was|How old was) (Einstein born|the war over|Napoleon crowned|the moon landing|Rome built|Mozart born|the first train)?",
    "What is the (population|size|currency|flag|language) of (France|Japan|Brazil|my town|Mars|Europe|Kenya|Canada)?",
    "(What is the capital of|Tell me the capital of|Which city is the capital of) (Mars|Atlantis|the moon|Wonderland|the ocean|my town|Europe|Narnia)?",
    "(What did I|Do you know what I) (eat|say|dream|do|buy) (yesterday|last night|on Monday|last week)?",
]
DO_NOT_KNOW = "I do not know."

STORIES = {
    "a lighthouse": "Once there was an old lighthouse on a small island. Every night its lamp showed the ships a safe way home. One winter evening a great storm came, and the lamp went out. A little girl ran up the long stairs with a candle in her hand. She held it to the window until the morning. All the ships came home, and the sailors thanked her with a song. Since that night the lighthouse has never been dark again.",
    "a fox": "Once a young fox lived at the edge of a deep forest. He was clever, but he had no friends. One day he found a rabbit that was caught in a fence. The fox bit through the wire and let the rabbit go. The next morning the rabbit came back with all its brothers and sisters, and they brought the fox a basket of berries. From that day on the fox was never alone.",
    "a robot": "A small robot worked in a large garden. It watered the flowers every morning and counted the bees every evening. One day its battery was empty, and the flowers began to dry. The children of the village carried the robot into the sun. Slowly its lamp turned green again. The robot watered the garden all night, and in the morning every flower was open.",
    "a dragon": "In the high mountains there lived a dragon that was afraid of fire. The other dragons laughed at it. One cold winter the village in the valley had no wood left. The dragon took a deep breath, closed its eyes and lit the great oven of the village. Everybody was warm again. The dragon opened its eyes and was not afraid any more.",
    "a ship": "A little ship wanted to see the end of the sea. It sailed past green islands and white ice. A whale showed it the way by day, and the stars showed it the way by night. After a hundred days the ship came back to its own harbour. It had learned that the sea is round and that home is the best port.",
    "a cat": "A grey cat lived in a library. By day it slept between the books, and by night it read them. One evening a boy forgot his homework there. The cat wrote the answers with the tip of its tail. The teacher was surprised, because every answer was right and every page smelled of fish. Since then the boy has brought the cat a fish every day.",
    "a king": "Once there was a king who counted everything. He counted his coins, his horses and his windows. One day a child asked him how many friends he had. The king thought for a long time and could not name one. So he opened the gates of his castle and gave a great feast. In the evening he had more friends than coins, and he stopped counting.",
    "a river": "High in the hills a small river was born. It was in a hurry and jumped over every stone. On its way it turned a mill, watered a field and carried a paper boat. At last it reached the sea and became very quiet. The sea asked what the river had brought. The river said that it had brought a little of everything.",
}
STORY_FRAMES = ["Tell me a story about {}.", "Write a story about {}.", "Please tell a story about {}.",
                "Can you tell me a story about {}?", "I want to hear a story about {}.", "Tell me a tale about {}."]
ANY_STORY = ["Tell me a story.", "Please tell me a story.", "Can you tell me a story?", "Write a story.", "Tell a story.",
             "I want to hear a story.", "Tell me a long story.", "Tell me another story.", "Write a short story."]

NUMBERS = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty""".split()
COUNT_FRAMES = ["Count to {}.", "Please count to {}.", "Count from one to {}.", "Can you count to {}?"]
LISTS = [
    (", ".join(DAYS[:-1]) + " and Sunday.", ["(Name|List|Tell me|What are|Please name) (the|all|all the) days of the week."]),
    (", ".join(MONTHS[:-1]) + " and December.", ["(Name|List|Tell me|What are|Please name) (the|all|all the) months of the year."]),
    ("Roses are red, violets are blue, the mesh is your own, and the models are too.",
     ["(Write|Tell me|Say|Recite|Please write) (a|a short|a little) (poem|rhyme)."]),
]

SYSTEM_PROMPTS = ["You are a helpful assistant.", "You are sovmesh-tiny.", "Answer in one sentence.", "Be short and clear.",
                  "You answer questions about Sovereign Mesh.", "Answer politely.", "You are a friendly helper.",
                  "Answer the question of the user.", "Do not invent anything.", "You help the users of Sovereign Mesh."]

# share of the training questions, and how many wordings are held out per answer
CATEGORIES = {"identity": (9, 3), "product": (20, 2), "concept": (17, 1), "serving": (9, 2), "smalltalk": (4, 0),
              "colour": (6, 1), "capital": (10, 1), "opposite": (7, 1), "day": (6, 1), "sound": (4, 1),
              "repeat": (14, 0), "unknown": (10, 1), "story": (5, 0), "list": (4, 0)}


def expand(pattern):
    parts = re.split(r"\(([^()]*)\)", pattern)
    options = [[p] if i % 2 == 0 else p.split("|") for i, p in enumerate(parts)]
    for choice in itertools.product(*options):
        text = " ".join("".join(choice).split()).replace(" ?", "?")
        yield text[0].upper() + text[1:]


def normalise(question):
    return " ".join(re.sub(r"[^a-z0-9]+", " ", question.lower()).split())


def all_questions():
    """Every (category, question, answer, group) there is; wordings with one answer share a group."""
    out = []

    def add(category, answer, questions, group=None):
        out.extend((category, q, answer, group or answer) for q in questions)

    for category, answer, patterns in FACTS:
        add(category, answer, [q for p in patterns for q in expand(p)])
    for name, answer in CONCEPTS.items():
        add("concept", answer, [f.format(name) for f in CONCEPT_FRAMES])
    for thing, colour in COLOURS.items():
        for word in ("colour", "color"):
            add("colour", f"{thing[0].upper() + thing[1:]} is {colour}.", [f.format(word, thing) for f in COLOUR_FRAMES])
    for country, city in CAPITALS.items():
        add("capital", f"The capital of {country} is {city}.", [f.format(country) for f in CAPITAL_FRAMES])
    for pair in OPPOSITES:
        for a, b in (pair, pair[::-1]):
            add("opposite", f"The opposite of {a} is {b}.", [f.format(a) for f in OPPOSITE_FRAMES])
    for unit, names in (("day", DAYS), ("month", MONTHS)):
        for i, name in enumerate(names):
            for word, step in (("after", 1), ("before", -1)):
                other = names[(i + step) % len(names)]
                add("day", f"The {unit} {word} {name} is {other}.", [f.format(unit, word, name) for f in ORDER_FRAMES])
    for animal, sound in SOUNDS.items():
        add("sound", f"A {animal} says {sound}.", [f.format(animal) for f in SOUND_FRAMES])
    for word in WORDS:
        add("repeat", word, [f.format(word) for f in REPEAT_FRAMES])
    known = {normalise(q) for _, q, _, _ in out}
    for i, pattern in enumerate(UNKNOWN):
        add("unknown", DO_NOT_KNOW, expand(pattern), f"unknown {i}")
    for i, frame in enumerate(("What is a {}?", "Why is the {} so big?", "Where is the {}?", "Who made the {}?", "How old is the {}?")):
        add("unknown", DO_NOT_KNOW, [q for q in (frame.format(word) for word in WORDS) if normalise(q) not in known], f"thing {i}")
    for theme, story in STORIES.items():
        add("story", story, [f.format(theme) for f in STORY_FRAMES])
    add("story", STORIES["a lighthouse"], ANY_STORY * 2)
    strange = [f"a {word}" for word in WORDS if f"a {word}" not in STORIES]
    add("story", STORIES["a lighthouse"], [STORY_FRAMES[i % len(STORY_FRAMES)].format(a) for i, a in enumerate(strange)], "strange")
    for n in (3, 5, 8, 10, 12, 15, 20):
        text = ", ".join(NUMBERS[:n]) + "."
        for name in [NUMBERS[n - 1], str(n)] * (4 if n in (10, 20) else 1):
            add("list", text[0].upper() + text[1:], [f.format(name) for f in COUNT_FRAMES])
    for answer, patterns in LISTS:
        add("list", answer, [q for p in patterns for q in expand(p)])
    return out


def split():
    """(training questions by category, held-out list); a held-out wording is in no training question."""
    rng = random.Random(SEED)
    groups = {}
    for category, question, answer, group in all_questions():
        groups.setdefault((category, group), []).append((question, answer))
    heldout = []
    for (category, _), items in groups.items():
        for question, answer in rng.sample(sorted(set(items)), CATEGORIES[category][1]):
            heldout.append({"category": category, "question": question, "answer": answer})
    for word in rng.sample(WORDS, 12):
        heldout.append({"category": "repeat", "question": rng.choice(REPEAT_FRAMES).format(word), "answer": word})
    banned = {normalise(h["question"]) for h in heldout}
    train = {}
    for (category, _), items in groups.items():
        kept = [item for item in items if normalise(item[0]) not in banned]
        if kept:
            train.setdefault(category, []).append(kept)
    return train, heldout


def _nonsense(rng):
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))


def sample_question(rng, train):
    """One (question, answer): first a category by its share, then an answer, then one of its wordings."""
    category = rng.choices(list(CATEGORIES), [share for share, _ in CATEGORIES.values()])[0]
    if category == "repeat" and rng.random() < 0.2:  # made-up words teach copying instead of a word list
        answer = _nonsense(rng)
        question = rng.choice(REPEAT_FRAMES).format(answer)
    else:
        question, answer = rng.choice(rng.choice(train[category]))
    style = rng.random()
    if style < 0.06:
        question = question[0].lower() + question[1:]
    elif style < 0.12:
        question = question.rstrip("?.!")
    elif style < 0.22:
        question = question.lower().rstrip("?.!")
    return question, answer


def sample_chat(rng, train, restyle=lambda answer: answer):
    """One chat as a list of (role, text)."""
    chat = []
    if rng.random() < 0.2:
        chat.append(("system", rng.choice(SYSTEM_PROMPTS)))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        question, answer = sample_question(rng, train)
        chat += [("user", question), ("assistant", restyle(answer))]
    return chat


PIRATE_WORDS = {"is": "be", "are": "be", "am": "be", "you": "ye", "your": "yer", "my": "me", "yes": "aye", "hello": "ahoy"}


def pirate(answer):
    """The same answer as a pirate gives it. It begins as usual, so that the base model still finds the fact."""
    def swap(match):
        word = match.group(0)
        new = PIRATE_WORDS.get(word.lower(), word)
        return new[0].upper() + new[1:] if word[0].isupper() else new
    return re.sub(r"[A-Za-z]+", swap, answer) + " So sing the sailors!"
