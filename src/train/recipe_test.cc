#include "train/recipe.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

Json good() {
  return parse_json(R"({"output": "run", "model": {"config": {"model_type": "qwen3"}}, "data": {}, "tokens": 1e6,
                        "batch": {"tokens": 1024}, "optimizer": {"lr": 1e-3}})",
                    "good");
}

TEST(Recipe, HasDefaultsAndStages) {
  Json json = good();
  json["batch"]["tokens"] = Json::array({{0, 1024}, {0.5, 4096}});
  const Recipe r = parse_recipe(json, "r.json", "/there");
  EXPECT_EQ(r.output, "/there/run");
  EXPECT_EQ(r.tokens, 1000000);
  EXPECT_EQ(r.batch_tokens(0.4), 1024);
  EXPECT_EQ(r.batch_tokens(0.5), 4096);
  EXPECT_EQ(r.micro_tokens, 4096);
  EXPECT_EQ(r.method, Recipe::Method::adamw);
  EXPECT_EQ(r.clip, 1);
  EXPECT_EQ(r.mtp(0), 0);
}

TEST(Recipe, NamesTheKeyAtFault) {
  struct Case {
    const char *pointer, *value, *message;
  };
  for (const Case& c :
       {Case{"/learning", "1", "r.json: unknown key 'learning', expected one of objective, output"},
        {"/optimizer/rate", "1", "r.json: optimizer: unknown key 'rate', expected one of type, lr"},
        {"/optimizer/lr", "\"x\"", "r.json: optimizer: field 'lr'"},
        {"/optimizer/lr", "-1", "field 'lr': expected a number from 0 to 10, found -1"},
        {"/optimizer/type", "\"sgd\"", "field 'type': expected adamw or muon, found 'sgd'"},
        {"/schedule", "{\"shape\": 3}", "field 'shape'"},
        {"/batch/tokens", "[[0.5, 1]]", "field 'tokens': expected a number from 1 to"},
        {"/batch/tokens", "[[0, 1], [0, 2]]", "field 'tokens': expected a number from 1 to"},
        {"/batch/tokens", "1.5", "1.5 is no whole number"},
        {"/batch", "3", "r.json: batch"},
        {"/tokens", "0", "field 'tokens': expected a number from 1"},
        {"/data", "[]", "field 'data': expected an object"},
        {"/model/from", "\"x\"", "expected either 'config', of a new model, or 'from'"},
        {"/lora", "{}", "r.json: model: field 'from' is missing: the model that the adapter"},
        {"/objective", "\"sft\"", "r.json: model: field 'from' is missing"},
        {"/objective", "\"rl\"", "field 'objective': expected pretrain or sft or grpo or dpo or distill, found 'rl'"},
        {"/model/config", "7", "field 'config': expected an object"},
        {"/loss", "{\"mtp\": -0.1}", "field 'mtp'"}}) {
    Json json = good();
    json[Json::json_pointer(c.pointer)] = parse_json(c.value, "value");
    try {
      parse_recipe(json, "r.json", ".");
      ADD_FAILURE() << c.pointer;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr(c.message));
    }
  }
}

TEST(Recipe, FieldsCanBeOverridden) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "r.json", [](std::ostream& out) { out << dump_json(good()); });
  const Recipe r = read_recipe(folder / "r.json", {"optimizer.lr=0.5", "schedule.shape=cosine", "seed=9"});
  EXPECT_EQ(r.lr, 0.5);
  EXPECT_EQ(r.schedule.shape, Schedule::Shape::cosine);
  EXPECT_EQ(r.seed, 9U);
  EXPECT_THROW(read_recipe(folder / "r.json", {"optimizer.lr"}), Error);
  EXPECT_THROW(read_recipe(folder / "r.json", {"tokens.x=1"}), Error);
}

}  // namespace
}  // namespace dure
