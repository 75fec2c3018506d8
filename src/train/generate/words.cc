#include "train/generate/words.h"

#include "train/generate/korean.h"

namespace dure {
namespace {

constexpr Name kNames[] = {
    {"Lily", "지우", true},    {"Mia", "서연", true},    {"Emma", "하은", true},   {"Anna", "수아", true},
    {"Lucy", "민서", true},    {"Sophie", "유나", true}, {"Grace", "다은", true},  {"Rosie", "채원", true},
    {"Ella", "소율", true},    {"Nora", "예린", true},   {"Clara", "가은", true},  {"Ruby", "나연", true},
    {"Amy", "보라", true},     {"Jane", "은채", true},   {"Molly", "미나", true},  {"Zoe", "아린", true},
    {"Daisy", "초롱", true},   {"Hannah", "윤아", true}, {"Ivy", "새봄", true},    {"Kate", "다인", true},
    {"Tom", "하준", false},    {"Ben", "민준", false},   {"Sam", "도윤", false},   {"Max", "시우", false},
    {"Leo", "준호", false},    {"Jack", "지호", false},  {"Finn", "현우", false},  {"Noah", "태오", false},
    {"Oscar", "건우", false},  {"Henry", "우진", false}, {"Peter", "민재", false}, {"Luke", "선우", false},
    {"Theo", "이준", false},   {"Adam", "정우", false},  {"Danny", "동하", false}, {"Eric", "승현", false},
    {"George", "재민", false}, {"Toby", "찬호", false},  {"Will", "한결", false},  {"Billy", "바다", false}};

constexpr Word kKinds[] = {{"rabbit", "토끼"}, {"bear", "곰"},        {"fox", "여우"},      {"squirrel", "다람쥐"},
                           {"mouse", "생쥐"},  {"duck", "오리"},      {"turtle", "거북이"}, {"hedgehog", "고슴도치"},
                           {"deer", "사슴"},   {"raccoon", "너구리"}, {"sheep", "양"},      {"badger", "오소리"}};

constexpr Word kTraits[] = {{"kind", "친절한"},     {"brave", "용감한"},        {"curious", "호기심 많은"},
                            {"shy", "수줍음 많은"}, {"cheerful", "명랑한"},     {"clever", "똑똑한"},
                            {"gentle", "다정한"},   {"playful", "장난기 많은"}, {"careful", "조심성 많은"},
                            {"quiet", "조용한"},    {"friendly", "상냥한"},     {"lively", "씩씩한"}};

constexpr Word kHobbies[] = {{"sing songs", "노래하는 것"},
                             {"dance", "춤추는 것"},
                             {"draw pictures", "그림 그리는 것"},
                             {"read books", "책 읽는 것"},
                             {"count the stars", "별을 세는 것"},
                             {"look for shiny stones", "반짝이는 돌을 찾는 것"},
                             {"listen to the birds", "새소리를 듣는 것"},
                             {"tell funny stories", "재미있는 이야기를 하는 것"},
                             {"run fast", "빨리 달리는 것"},
                             {"watch the clouds", "구름을 바라보는 것"},
                             {"smell the flowers", "꽃향기를 맡는 것"},
                             {"think up new games", "새로운 놀이를 생각해 내는 것"}};

constexpr Word kWeathers[] = {{"sunny", "맑은"},  {"warm", "따뜻한"},   {"windy", "바람 부는"},
                              {"cool", "시원한"}, {"bright", "화창한"}, {"cloudy", "흐린"}};
constexpr Word kTimes[] = {{"morning", "아침"}, {"afternoon", "오후"}, {"day", "날"}};
constexpr Word kElders[] = {{"Grandma", "할머니"}, {"Grandpa", "할아버지"}, {"Mom", "엄마"},
                            {"Dad", "아빠"},       {"Aunt May", "이모"},    {"Uncle Joe", "삼촌"}};

constexpr Place kPlaces[] = {
    {{"the park", "공원"},
     {"at the park", "공원에서"},
     {{"under the bench", "벤치 밑"}, {"behind the slide", "미끄럼틀 뒤"}, {"beside the fountain", "분수 옆"}}},
    {{"the forest", "숲"},
     {"in the forest", "숲에서"},
     {{"behind a big tree", "큰 나무 뒤"}, {"under the leaves", "나뭇잎 밑"}, {"inside a hollow log", "통나무 속"}}},
    {{"the garden", "정원"},
     {"in the garden", "정원에서"},
     {{"under a bush", "덤불 밑"}, {"behind a flower pot", "화분 뒤"}, {"between the roses", "장미 사이"}}},
    {{"the beach", "바닷가"},
     {"at the beach", "바닷가에서"},
     {{"behind a big rock", "큰 바위 뒤"}, {"under an old boat", "낡은 배 밑"}, {"beside a tide pool", "물웅덩이 옆"}}},
    {{"the farm", "농장"},
     {"at the farm", "농장에서"},
     {{"behind the barn", "헛간 뒤"}, {"under the hay cart", "건초 수레 밑"}, {"beside the well", "우물 옆"}}},
    {{"the meadow", "들판"},
     {"in the meadow", "들판에서"},
     {{"in the tall grass", "키 큰 풀 사이"},
      {"beside a stone wall", "돌담 옆"},
      {"under a thorn bush", "가시덤불 밑"}}},
    {{"the hill", "언덕"},
     {"on the hill", "언덕에서"},
     {{"behind a gray rock", "회색 바위 뒤"},
      {"under a pine tree", "소나무 밑"},
      {"beside a fallen log", "쓰러진 통나무 옆"}}},
    {{"the river", "강가"},
     {"by the river", "강가에서"},
     {{"under the bridge", "다리 밑"}, {"behind the reeds", "갈대 뒤"}, {"between two rocks", "바위 사이"}}},
    {{"the playground", "놀이터"},
     {"at the playground", "놀이터에서"},
     {{"under the swing", "그네 밑"}, {"behind the seesaw", "시소 뒤"}, {"in the sandbox", "모래밭 속"}}},
    {{"the lake", "호숫가"},
     {"by the lake", "호숫가에서"},
     {{"beside the dock", "선착장 옆"},
      {"under a willow tree", "버드나무 밑"},
      {"behind a little boat", "작은 배 뒤"}}},
    {{"the village square", "마을 광장"},
     {"in the village square", "마을 광장에서"},
     {{"behind the statue", "동상 뒤"},
      {"under a wooden cart", "나무 수레 밑"},
      {"beside the old gate", "낡은 문 옆"}}},
    {{"the orchard", "과수원"},
     {"in the orchard", "과수원에서"},
     {{"under an apple tree", "사과나무 밑"},
      {"behind a ladder", "사다리 뒤"},
      {"between the baskets", "바구니 사이"}}}};

constexpr Word kToys[] = {{"ball", "공"},
                          {"kite", "연"},
                          {"doll", "인형"},
                          {"toy boat", "장난감 배"},
                          {"toy car", "장난감 자동차"},
                          {"hat", "모자"},
                          {"scarf", "목도리"},
                          {"ribbon", "리본"},
                          {"toy train", "장난감 기차"},
                          {"teddy bear", "곰 인형"},
                          {"spinning top", "팽이"},
                          {"whistle", "호루라기"},
                          {"picture book", "그림책"},
                          {"paper plane", "종이비행기"},
                          {"toy robot", "장난감 로봇"},
                          {"basket", "바구니"},
                          {"bell", "방울"},
                          {"pinwheel", "바람개비"},
                          {"jump rope", "줄넘기"},
                          {"bracelet", "팔찌"},
                          {"pencil case", "필통"},
                          {"notebook", "공책"},
                          {"flute", "피리"},
                          {"toy drum", "장난감 북"},
                          {"puzzle", "퍼즐"},
                          {"mitten", "장갑"},
                          {"box of crayons", "크레용 상자"},
                          {"lantern", "등불"}};
constexpr Word kColours[] = {{"red", "빨간"},   {"blue", "파란"},     {"yellow", "노란"}, {"green", "초록색"},
                             {"white", "하얀"}, {"purple", "보라색"}, {"pink", "분홍색"}, {"orange", "주황색"}};

constexpr Word kFoods[] = {{"cookie", "쿠키"},          {"apple", "사과"},           {"pear", "배"},
                           {"sandwich", "샌드위치"},    {"rice cake", "떡"},         {"bun", "찐빵"},
                           {"pancake", "팬케이크"},     {"muffin", "머핀"},          {"peach", "복숭아"},
                           {"banana", "바나나"},        {"sweet potato", "고구마"},  {"carrot", "당근"},
                           {"cupcake", "컵케이크"},     {"melon", "참외"},           {"loaf of bread", "빵"},
                           {"piece of cheese", "치즈"}, {"cherry pie", "체리 파이"}, {"persimmon", "감"},
                           {"rice ball", "주먹밥"},     {"waffle", "와플"}};
constexpr Word kTastes[] = {{"big", "커다란"},   {"special", "특별한"}, {"fresh", "신선한"},
                            {"tasty", "맛있는"}, {"small", "작은"},     {"nice", "먹음직스러운"}};

constexpr Word kAnimals[] = {{"kitten", "아기 고양이"}, {"puppy", "강아지"},      {"duckling", "아기 오리"},
                             {"chick", "병아리"},       {"baby bird", "아기 새"}, {"hamster", "햄스터"},
                             {"lamb", "아기 양"},       {"frog", "개구리"},       {"baby owl", "아기 부엉이"},
                             {"piglet", "아기 돼지"},   {"parrot", "앵무새"},     {"baby goat", "아기 염소"}};
constexpr Word kSizes[] = {{"tiny", "조그만"}, {"little", "작은"}, {"gentle", "순한"},
                           {"brown", "갈색"},  {"white", "하얀"},  {"cute", "귀여운"}};

constexpr Word kPlants[] = {{"sunflower", "해바라기", "a tall yellow flower", "키 큰 노란 꽃"},
                            {"tomato", "토마토", "a round red tomato", "동그란 빨간 토마토"},
                            {"pumpkin", "호박", "a big orange pumpkin", "커다란 주황색 호박"},
                            {"tulip", "튤립", "a pretty pink tulip", "예쁜 분홍색 튤립"},
                            {"strawberry", "딸기", "a sweet red strawberry", "달콤한 빨간 딸기"},
                            {"bean", "콩", "a long green bean", "기다란 초록색 콩깍지"},
                            {"watermelon", "수박", "a huge striped watermelon", "줄무늬가 있는 커다란 수박"},
                            {"pepper", "고추", "a shiny red pepper", "반짝이는 빨간 고추"},
                            {"morning glory", "나팔꽃", "a purple flower", "보라색 꽃"},
                            {"cucumber", "오이", "a long cucumber", "기다란 오이"},
                            {"rose", "장미", "a lovely white rose", "아름다운 하얀 장미"},
                            {"radish", "무", "a fat white radish", "통통한 하얀 무"}};
constexpr Word kSeedLooks[] = {{"small", "작은"}, {"round", "둥근"}, {"black", "까만"}, {"dry", "마른"}};

constexpr Word kSkills[] = {{"ride a bike", "자전거 타기", {}, "자전거를 탈"},
                            {"swim", "수영하기", {}, "수영을 할"},
                            {"whistle", "휘파람 불기", {}, "휘파람을 불"},
                            {"skate", "스케이트 타기", {}, "스케이트를 탈"},
                            {"jump rope", "줄넘기하기", {}, "줄넘기를 할"},
                            {"climb the old tree", "늙은 나무 오르기", {}, "늙은 나무에 오를"},
                            {"juggle", "공 던져 받기", {}, "공을 던져 받을"},
                            {"play the piano", "피아노 치기", {}, "피아노를 칠"},
                            {"do a handstand", "물구나무서기", {}, "물구나무를 설"},
                            {"tie a bow", "리본 묶기", {}, "리본을 묶을"},
                            {"skip stones", "물수제비뜨기", {}, "물수제비를 뜰"},
                            {"walk on stilts", "죽마 타기", {}, "죽마를 탈"}};
constexpr Word kEffort[] = {
    {"whole week", "일주일"}, {"whole month", "한 달"}, {"few days", "며칠"}, {"long time", "긴 시간"}};

constexpr Word kFragile[] = {{"cup", "컵"},     {"vase", "꽃병"},    {"plate", "접시"},      {"teapot", "찻주전자"},
                             {"jar", "항아리"}, {"mirror", "거울"},  {"lamp", "램프"},       {"bowl", "그릇"},
                             {"clock", "시계"}, {"glass", "유리잔"}, {"flower pot", "화분"}, {"picture frame", "액자"}};

constexpr Word kChased[] = {{"butterfly", "나비"},     {"dragonfly", "잠자리"}, {"bird", "새"},
                            {"grasshopper", "메뚜기"}, {"lizard", "도마뱀"},    {"bee", "꿀벌"},
                            {"toad", "두꺼비"},        {"beetle", "딱정벌레"},  {"moth", "나방"},
                            {"chipmunk", "줄다람쥐"},  {"ladybug", "무당벌레"}, {"cricket", "귀뚜라미"}};
constexpr Word kPretty[] = {{"pretty", "예쁜"},    {"quick", "재빠른"},   {"small", "작은"},
                            {"shiny", "반짝이는"}, {"strange", "신기한"}, {"yellow", "노란"}};

constexpr Word kDishes[] = {{"vegetable soup", "야채수프", "carrots", "당근"},
                            {"apple pie", "사과 파이", "apples", "사과"},
                            {"fried rice", "볶음밥", "eggs", "달걀"},
                            {"pumpkin porridge", "호박죽", "pumpkin", "호박"},
                            {"honey bread", "꿀빵", "honey", "꿀"},
                            {"potato stew", "감자찌개", "potatoes", "감자"},
                            {"berry jam", "딸기잼", "sugar", "설탕"},
                            {"noodle soup", "국수", "noodles", "면"},
                            {"cheese omelet", "치즈 오믈렛", "cheese", "치즈"},
                            {"mushroom soup", "버섯수프", "mushrooms", "버섯"},
                            {"banana bread", "바나나빵", "bananas", "바나나"},
                            {"rice porridge", "흰죽", "rice", "쌀"}};
constexpr Word kWarm[] = {{"hot", "뜨거운"}, {"special", "특별한"}, {"tasty", "맛있는"}, {"good", "좋은"}};

constexpr Word kBuildings[] = {{"tent", "천막"},
                               {"birdhouse", "새집"},
                               {"doghouse", "개집"},
                               {"bridge", "다리"},
                               {"hut", "오두막"},
                               {"fence", "울타리"},
                               {"puppet stage", "인형극 무대"},
                               {"bookshelf", "책장"},
                               {"chair", "의자"},
                               {"toy castle", "장난감 성"},
                               {"tower", "탑"},
                               {"wagon", "수레"}};
constexpr Word kBuildLooks[] = {
    {"big", "큰"}, {"small", "작은"}, {"wooden", "나무로 된"}, {"tall", "높은"}, {"fine", "멋진"}};

}  // namespace

std::string name_in_story(const Name& name, Language language) {
  if (language == Language::en) return std::string(name.en);
  std::string text(name.ko);
  if (korean_end(text) != KoreanEnd::vowel) text += "이";
  return text;
}

std::span<const Name> child_names() { return kNames; }
std::span<const Word> animal_kinds() { return kKinds; }
std::span<const Word> traits() { return kTraits; }
std::span<const Word> hobbies() { return kHobbies; }
std::span<const Word> weathers() { return kWeathers; }
std::span<const Word> times() { return kTimes; }
std::span<const Word> elders() { return kElders; }
std::span<const Place> places() { return kPlaces; }

std::span<const Word> things(ThingKind kind) {
  switch (kind) {
    case ThingKind::toy: return kToys;
    case ThingKind::food: return kFoods;
    case ThingKind::animal: return kAnimals;
    case ThingKind::plant: return kPlants;
    case ThingKind::skill: return kSkills;
    case ThingKind::fragile: return kFragile;
    case ThingKind::chased: return kChased;
    case ThingKind::dish: return kDishes;
    case ThingKind::building: return kBuildings;
  }
  return {};
}

std::span<const Word> adjectives(ThingKind kind) {
  switch (kind) {
    case ThingKind::toy:
    case ThingKind::fragile: return kColours;
    case ThingKind::food: return kTastes;
    case ThingKind::animal: return kSizes;
    case ThingKind::plant: return kSeedLooks;
    case ThingKind::skill: return kEffort;
    case ThingKind::chased: return kPretty;
    case ThingKind::dish: return kWarm;
    case ThingKind::building: return kBuildLooks;
  }
  return {};
}

}  // namespace dure
